import { chmod, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Netns } from "../netns.js"
import { Program } from "../program.js"
import { needsProgram } from "./partner.js"
import { startServer } from "./server.js"

export interface OpentrackerOptions {
  /** Debian's build answers for these alone: 40 hex digits each. */
  infoHashes: readonly string[]
  host?: string
  port?: number
  netns?: Netns
}

export interface Opentracker {
  readonly httpUrl: string
  readonly udpUrl: string
  /** Resolves when a seed of the torrent has announced itself. */
  seeded(infoHash: string): Promise<void>
  stop(): Promise<void>
}

/** opentracker: HTTP and UDP on one port. */
export const opentracker = {
  name: "opentracker",
  missing: (): string | undefined => needsProgram("opentracker", "opentracker"),
  async start({ infoHashes, host = "127.0.0.1", port, netns }: OpentrackerOptions): Promise<Opentracker> {
    const { port: at, stop } = await startServer("opentracker", { port, netns }, async (folder, at) => {
      await writeFile(join(folder, "whitelist"), infoHashes.map((hash) => `${hash}\n`).join(""))
      // As root it changes its root to the folder and becomes nobody, and must still read its list.
      await chmod(folder, 0o755)
      return ["-i", host, "-p", String(at), "-P", String(at), "-w", "whitelist", "-d", folder]
    })
    const through = netns === undefined ? {} : { through: netns.enter }
    const counts = fileURLToPath(new URL("./tracker-counts.mjs", import.meta.url))
    return {
      httpUrl: `http://${host}:${at}/announce`,
      udpUrl: `udp://${host}:${at}/announce`,
      seeded: (infoHash) =>
        new Program(process.execPath, [counts, `http://${host}:${at}/scrape`, infoHash, "1"], through).succeeded(30),
      stop,
    }
  },
}
