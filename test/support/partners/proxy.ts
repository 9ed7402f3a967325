import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Netns } from "../netns.js"
import { Program } from "../program.js"
import { needsProgram } from "./partner.js"
import { startServer } from "./server.js"

export interface ProxyOptions {
  kind: "socks5" | "http"
  host?: string
  /** `user:password` that it wants. */
  login?: string
  /** All the names it knows. */
  names?: Readonly<Record<string, string>>
  /** Files, for TLS with its clients. */
  tls?: { key: string; cert: string }
  /** It relays datagrams, too, at the UDP port of the same number. */
  datagrams?: boolean
  netns?: Netns
}

export interface RunningProxy {
  readonly host: string
  readonly port: number
  /** What it was asked for, in order: `connect HOST PORT`, `associate`, `datagram HOST PORT` or `get URL`. */
  asked(): string[]
  stop(): Promise<void>
}

const SCRIPT = fileURLToPath(new URL("./proxy.mjs", import.meta.url))

/** A proxy of ours, which has its own idea of names. */
export async function startProxy({ netns, tls, ...options }: ProxyOptions): Promise<RunningProxy> {
  const settings = JSON.stringify({ ...options, ...tls })
  const program = new Program(process.execPath, [SCRIPT, settings], through(netns))
  try {
    const [, port] = await program.until(/listening at (\d+)\n/, 20)
    return {
      host: options.host ?? "127.0.0.1",
      port: Number(port),
      asked: () => program.output.split("\n").filter((line) => /^(connect|get|associate|datagram)\b/.test(line)),
      stop: () => program.stop(),
    }
  } catch (error) {
    await program.stop()
    throw error
  }
}

export interface Login {
  user: string
  password: string
}

/** A SOCKS5 proxy. */
export const microsocks = {
  name: "microsocks",
  missing: (): string | undefined => needsProgram("microsocks", "microsocks"),
  start: ({ user, password }: Login) =>
    startServer("microsocks", {}, async (_folder, port) => [
      ...["-i", "127.0.0.1", "-p", String(port)],
      ...["-u", user, "-P", password],
    ]),
}

/** A SOCKS5 proxy that relays datagrams. */
export const dante = {
  name: "danted",
  missing: (): string | undefined => needsProgram("danted", "dante-server"),
  start: () =>
    startServer("danted", {}, async (folder, port) => {
      const config = join(folder, "danted.conf")
      await writeFile(
        config,
        `logoutput: ${join(folder, "log")}
internal: 127.0.0.1 port = ${port}
external: 127.0.0.1
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 command: udpassociate connect }
socks pass { from: 0.0.0.0/0 to: 127.0.0.0/8 command: udpreply }
`,
      )
      return ["-f", config]
    }),
}

/** An HTTP proxy. */
export const tinyproxy = {
  name: "tinyproxy",
  missing: (): string | undefined => needsProgram("tinyproxy", "tinyproxy-bin"),
  start: ({ user, password }: Login) =>
    startServer("tinyproxy", {}, async (folder, port) => {
      const config = join(folder, "tinyproxy.conf")
      await writeFile(config, `Listen 127.0.0.1\nPort ${port}\nTimeout 60\nBasicAuth ${user} ${password}\n`)
      return ["-d", "-c", config]
    }),
}

function through(netns: Netns | undefined): { through?: readonly string[] } {
  return netns === undefined ? {} : { through: netns.enter }
}
