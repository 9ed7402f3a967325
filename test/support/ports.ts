import { readFileSync } from "node:fs"
import { createServer } from "node:net"

/** A port that nothing listens on right now, for programs that can't pick one themselves. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("the server has no port"))
        else resolve(address.port)
      })
    })
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
