import { fileURLToPath } from "node:url"
import type { Netns } from "./netns.js"
import { type Address, PYTHON } from "./partners/partner.js"
import { Program } from "./program.js"

/** Whose nodes: what is started with the places. */
const NODES_OF = {
  ours: [process.execPath, fileURLToPath(new URL("./partners/dht-backbone.mjs", import.meta.url))],
  libtorrent: [PYTHON, fileURLToPath(new URL("./partners/libtorrent-dht.py", import.meta.url))],
} as const

/** Nodes that are the DHT in a test. */
export interface DhtBackbone {
  /** Where it is entered. */
  readonly entry: Address
  readonly program: Program
  /** Resolves when somebody has told the nodes of a torrent. */
  announced(): Promise<void>
  /** Resolves when one of them that was told to look for a torrent finds peers of it; of ours alone. */
  found(infoHash: string): Promise<void>
  stop(): Promise<void>
}

export interface DhtBackboneOptions {
  readonly netns?: Netns
  readonly of?: keyof typeof NODES_OF
  /** Torrents to look for; for ours. */
  readonly lookFor?: readonly string[]
  /** The way into a DHT that they are to be part of; for libtorrent's. */
  readonly through?: Address
}

/** Starts a node at each place (port 0: any, for ours), all in one process, and waits until they know each other. */
export async function startDhtBackbone(
  places: readonly Address[],
  { netns, of = "ours", lookFor = [], through }: DhtBackboneOptions = {},
): Promise<DhtBackbone> {
  const [command, script] = NODES_OF[of]
  const entered = through === undefined ? [] : [`--through=${through.host}:${through.port}`]
  const args = [...entered, ...places.map(({ host, port }) => `${host}:${port}`), ...lookFor]
  const program = new Program(command, [script, ...args], {
    maxSeconds: 900,
    ...(netns === undefined ? {} : { through: netns.enter }),
  })
  try {
    const [, host, port] = await program.until(/entry (\S+):(\d+)\n/, 180)
    return {
      entry: { host: host!, port: Number(port) },
      program,
      announced: async () => {
        await program.until(/stored [1-9]/, 120)
      },
      found: async (infoHash) => {
        await program.until(new RegExp(`found ${infoHash}`), 120)
      },
      stop: () => program.stop(),
    }
  } catch (error) {
    await program.stop()
    throw error
  }
}

/** So many nodes at one address. */
export function nodesAt(host: string, count: number): Address[] {
  return Array.from({ length: count }, () => ({ host, port: 0 }))
}
