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
  stop(): Promise<void>
}

/** Starts a node at each place (port 0: any, for ours), all in one process, and waits until they know each other. */
export async function startDhtBackbone(
  places: readonly Address[],
  { netns, of = "ours" }: { netns?: Netns; of?: keyof typeof NODES_OF } = {},
): Promise<DhtBackbone> {
  const [command, script] = NODES_OF[of]
  const program = new Program(command, [script, ...places.map(({ host, port }) => `${host}:${port}`)], {
    maxSeconds: 400,
    ...(netns === undefined ? {} : { through: netns.enter }),
  })
  try {
    const [, host, port] = await program.until(/entry (\S+):(\d+)\n/, 60)
    return {
      entry: { host: host!, port: Number(port) },
      program,
      announced: async () => {
        await program.until(/stored [1-9]/, 120)
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
