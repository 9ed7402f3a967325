import type { Endpoint } from "../../../src/ports/net.js"
import type { VirtualHost, VirtualNetwork } from "./virtual-network.js"

/** How long a mapping lives without a datagram, ms (RFC 4787: two minutes at least; Linux: 30 s before an answer, then 120 s). */
const LIFETIME = 120_000

/**
 * What a gateway does with datagrams (RFC 4787), TCP connections from outside being refused by all of them, silently.
 * - `open`: a port inside has one outside, to which anybody may send
 * - `restricted`: the same, but only those may send to whom something was sent, address and port
 * - `symmetric`: a port inside has another outside for each place that something is sent to
 */
export type NatKind = "open" | "restricted" | "symmetric"

interface Mapping {
  readonly inside: { readonly host: VirtualHost; readonly port: number }
  readonly key: string
  /** Places that something was sent to. */
  readonly sentTo: Set<string>
  usedAt: number
}

/** A gateway: hosts behind it are seen with its address, at ports that it chooses. */
export class VirtualNat {
  readonly #network: VirtualNetwork
  readonly #address: string
  readonly #kind: NatKind
  /** By the port outside. */
  readonly #mappings = new Map<number, Mapping>()
  #nextPort = 30_000

  /** `outside` is the gateway's own host; those in `inside` are behind it from now on. */
  constructor(network: VirtualNetwork, outside: VirtualHost, inside: readonly VirtualHost[], kind: NatKind) {
    this.#network = network
    this.#address = outside.addresses[0] as string
    this.#kind = kind
    outside.nat = this
    for (const host of inside) host.gateway = this
  }

  /** What a datagram that goes out seems to come from. */
  outgoing(host: VirtualHost, port: number, to: Endpoint): Endpoint {
    const key = `${host.addresses[0]} ${port}${this.#kind === "symmetric" ? ` ${keyOf(to)}` : ""}`
    const now = this.#network.clock.now()
    let outside = [...this.#mappings].find(([, mapping]) => mapping.key === key && this.#lives(mapping))?.[0]
    if (outside === undefined) {
      outside = this.#nextPort++
      this.#mappings.set(outside, { inside: { host, port }, key, sentTo: new Set(), usedAt: now })
    }
    const mapping = this.#mappings.get(outside) as Mapping
    mapping.sentTo.add(keyOf(to))
    mapping.usedAt = now
    return { host: this.#address, port: outside }
  }

  /** Whom a datagram to a port outside is for; undefined: it is dropped. */
  incoming(port: number, from: Endpoint): Mapping["inside"] | undefined {
    const mapping = this.#mappings.get(port)
    if (mapping === undefined || !this.#lives(mapping)) return undefined
    return this.#kind === "open" || mapping.sentTo.has(keyOf(from)) ? mapping.inside : undefined
  }

  /** What a connection that goes out seems to come from. */
  outgoingTcp(port: number): Endpoint {
    return { host: this.#address, port }
  }

  #lives({ usedAt }: Mapping): boolean {
    return this.#network.clock.now() - usedAt < LIFETIME
  }
}

function keyOf({ host, port }: Endpoint): string {
  return `${host} ${port}`
}
