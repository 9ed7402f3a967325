import { parseIp } from "../../../src/bytes/ip.js"
import { Dht, type DhtOptions, type DhtStore } from "../../../src/dht/dht.js"
import { encodeSaved, NOTHING_SAVED } from "../../../src/dht/saved-nodes.js"
import { secureId } from "../../../src/dht/secure-id.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { UdpPort } from "../../../src/session/udp-port.js"
import type { Simulation } from "./simulation.js"
import type { HostProfile } from "./virtual-network.js"

export const DHT_PORT = 6881

/** A DHT node of ours on a simulated machine. */
export interface SimDhtNode {
  readonly dht: Dht
  readonly host: string
  readonly udp: UdpPort
  readonly store: MemoryStore
  /** What came in, before the node sees it; true: it does not see it. */
  intercept: ((datagram: Uint8Array, from: Endpoint) => boolean) | undefined
}

export class MemoryStore implements DhtStore {
  bytes: Uint8Array | undefined

  constructor(bytes?: Uint8Array) {
    this.bytes = bytes
  }
  async load(): Promise<Uint8Array | undefined> {
    return this.bytes
  }
  async save(bytes: Uint8Array): Promise<void> {
    this.bytes = bytes
  }
}

/** Addresses all over the public space, or in 10/8; each in a network of its own. */
export function hostOf(index: number, place: "public" | "local"): string {
  return place === "local"
    ? `10.${index >> 8}.${index & 255}.1`
    : `${20 + (index % 150)}.${index >> 8}.${index & 255}.7`
}

export interface SimDhtOptions extends Partial<Pick<DhtOptions, "bootstrap">> {
  readonly announcePort?: number
  readonly readOnly?: boolean
  readonly link?: Partial<HostProfile>
  readonly store?: MemoryStore
  /** Default: one that fits the address. */
  readonly id?: Uint8Array
}

export async function startDht(simulation: Simulation, host: string, options: SimDhtOptions = {}): Promise<SimDhtNode> {
  const platform = simulation.platform(host, options.link ?? {})
  const { clock, random, hasher, net, log } = platform
  const id = options.id ?? secureId(parseIp(host)!, random.bytes(20))
  const store = options.store ?? new MemoryStore(encodeSaved({ ...NOTHING_SAVED, id4: id, id6: id }))
  const udp = await UdpPort.open(platform.udp, DHT_PORT)
  const { bootstrap = [], readOnly = false, announcePort } = options
  const dht = await Dht.start({
    clock,
    random,
    hasher,
    net,
    log,
    udp,
    store,
    bootstrap,
    readOnly: () => readOnly,
    announcePort: () => announcePort,
  })
  const node: SimDhtNode = { dht, host, udp, store, intercept: undefined }
  udp.handle("krpc", (datagram, from) => {
    if (node.intercept?.(datagram, from) !== true) dht.receive(datagram, from)
  })
  return node
}
