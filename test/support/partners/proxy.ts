import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Netns } from "../netns.js"
import { freePort, isListening } from "../ports.js"
import { Program } from "../program.js"
import { needsProgram } from "./partner.js"

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
    startOther("microsocks", (port) => ["-i", "127.0.0.1", "-p", String(port), "-u", user, "-P", password]),
}

/** A SOCKS5 proxy that relays datagrams. */
export const dante = {
  name: "danted",
  missing: (): string | undefined => needsProgram("danted", "dante-server"),
  async start() {
    const folder = await mkdtemp(join(tmpdir(), "dante-"))
    const config = join(folder, "danted.conf")
    const prepare = (port: number): Promise<void> =>
      writeFile(
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
    const running = await startOther("danted", () => ["-f", config], prepare)
    const stop = async (): Promise<void> => {
      await running.stop()
      await rm(folder, { recursive: true, force: true })
    }
    return { ...running, stop }
  },
}

/** An HTTP proxy. */
export const tinyproxy = {
  name: "tinyproxy",
  missing: (): string | undefined => needsProgram("tinyproxy", "tinyproxy-bin"),
  async start({ user, password }: Login) {
    const folder = await mkdtemp(join(tmpdir(), "tinyproxy-"))
    const config = join(folder, "tinyproxy.conf")
    const running = await startOther(
      "tinyproxy",
      () => ["-d", "-c", config],
      (port) => writeFile(config, `Listen 127.0.0.1\nPort ${port}\nTimeout 60\nBasicAuth ${user} ${password}\n`),
    )
    const stop = async (): Promise<void> => {
      await running.stop()
      await rm(folder, { recursive: true, force: true })
    }
    return { ...running, stop }
  },
}

async function startOther(
  command: string,
  args: (port: number) => string[],
  prepare: (port: number) => Promise<void> = async () => {},
): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort()
  await prepare(port)
  const program = new Program(command, args(port))
  try {
    await program.poll("listening", () => isListening(port), 10)
  } catch (error) {
    await program.stop()
    throw error
  }
  return { port, stop: () => program.stop() }
}

function through(netns: Netns | undefined): { through?: readonly string[] } {
  return netns === undefined ? {} : { through: netns.enter }
}
