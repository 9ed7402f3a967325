import { fileURLToPath } from "node:url"
import type { Netns } from "./netns.js"
import type { Address } from "./partners/partner.js"
import { Program } from "./program.js"

const SCRIPT = fileURLToPath(new URL("./partners/dht-backbone.mjs", import.meta.url))

/** Nodes of ours that are the DHT in a test. */
export interface DhtBackbone {
  /** Where it is entered. */
  readonly entry: Address
  readonly program: Program
  stop(): Promise<void>
}

/** Starts so many nodes at an address, in a process of their own, and waits until they know each other. */
export async function startDhtBackbone(host: string, count: number, netns?: Netns): Promise<DhtBackbone> {
  const program = new Program(process.execPath, [SCRIPT, host, String(count)], {
    maxSeconds: 240,
    ...(netns === undefined ? {} : { through: netns.enter }),
  })
  const [, port] = await program.until(/entry \S+:(\d+)\n/, 60)
  return { entry: { host, port: Number(port) }, program, stop: () => program.stop() }
}
