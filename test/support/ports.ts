import { createSocket } from "node:dgram"
import { readFileSync } from "node:fs"
import { createServer } from "node:net"

/** Linux hands out the ports from 32768 on by itself: `net.ipv4.ip_local_port_range`. */
const LOWEST = 10_240
const COUNT = 32_768 - LOWEST

/**
 * A port that nothing listens on right now, for programs that can't pick one themselves. It is none of those that connections
 * going out get, one of which could take it before the program does.
 */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * COUNT)
    if (await isFree(port, host)) return port
  }
}

/** A UDP port that nobody has right now, and no one gets who does not ask for it by its number: as {@link freePort}. */
export async function freeUdpPort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * COUNT)
    if (await isFreeOfUdp(port)) return port
  }
}

function isFreeOfUdp(port: number): Promise<boolean> {
  // Of any address, and not to be shared: whoever listens there is in the way.
  const socket = createSocket("udp4")
  return new Promise((resolve, reject) => {
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false)
      else reject(error)
    })
    socket.bind(port, () => socket.close(() => resolve(true)))
  })
}

function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false)
      else reject(error)
    })
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}

/** Whether something listens on a TCP port, without disturbing it: a look into `/proc/PID/net`. */
export function isListening(port: number, pid: number | "self" = "self"): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  return ["tcp", "tcp6"].some((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .some((line) => {
        const [, local = "", , state] = line.trim().split(/\s+/)
        return state === "0A" && local.endsWith(wanted)
      }),
  )
}
