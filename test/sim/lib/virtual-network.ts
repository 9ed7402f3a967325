import { addressFamily, canonicalAddress, isLoopback } from "./addresses.js"
import type { VirtualNat } from "./nat.js"
import type { SimRandom } from "./sim-random.js"
import type { VirtualClock } from "./virtual-clock.js"
import type { GroupMember } from "./virtual-multicast.js"

/** One-way delay between two sockets of the same machine, in milliseconds. */
const LOOPBACK_LATENCY = 0.05

/** Bytes of a connection that one packet carries (Ethernet). */
const PACKET = 1460

/** How a host hangs on the network. Times are milliseconds, rates bytes a second, chances 0 to 1. */
export interface HostProfile {
  /** From the host to the middle of the network; the delay between two hosts is the sum of theirs. */
  latency: number
  /** At most this much more, evenly spread. */
  jitter: number
  up: number
  down: number
  /** Of datagrams, and of TCP's packets: those are sent again, so that they and all behind them come a round trip late. */
  loss: number
  duplication: number
  /** How often a datagram is held back by `reorderingDelay`. */
  reordering: number
  reorderingDelay: number
}

const DEFAULT_PROFILE: HostProfile = {
  latency: 5,
  jitter: 0,
  up: Number.POSITIVE_INFINITY,
  down: Number.POSITIVE_INFINITY,
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderingDelay: 50,
}

/** How TCP behaves on every host of a network. */
export interface TcpOptions {
  /** Segments are cut at random places, none longer than this. */
  maxSegment: number
  /** Bytes under way or waiting unread at the receiver, per direction. */
  window: number
  /** `write` says false above this. */
  highWaterMark: number
  /** Milliseconds until a connection to nowhere fails. Linux: six SYN retries. */
  connectTimeout: number
  /** Milliseconds until unanswered data breaks a connection. Linux: tcp_retries2 = 15. */
  retransmissionLimit: number
  /** Overwrite written chunks once they are sent (the stream owns them): finds who uses them again. */
  scribbleWrites: boolean
}

const DEFAULT_TCP: TcpOptions = {
  maxSegment: 16_384,
  window: 262_144,
  highWaterMark: 65_536,
  connectTimeout: 127_000,
  retransmissionLimit: 924_600,
  scribbleWrites: false,
}

/** Whoever takes connections at a port. */
export interface PortOwner {
  /** Undefined: every address of the host. */
  readonly address: string | undefined
}

/** A machine on the network: its addresses, its link, and what is open on it. */
export class VirtualHost {
  /** Change them with {@link VirtualNetwork.move}. */
  addresses: readonly string[]
  /** May be changed at any time. */
  readonly profile: HostProfile
  /** What is open here; TCP and UDP keep their own books in it. */
  readonly tcpPorts = new Map<number, PortOwner[]>()
  readonly udpPorts = new Map<string, unknown>()
  /** Called when the host forgets its sockets; `silently`: without a word to the other sides. */
  readonly onReset = new Set<(silently: boolean) => void>()
  /** What is behind it, if it is a gateway. */
  nat: VirtualNat | undefined
  /** The gateway that it is behind; none: it is on the internet itself. */
  gateway: VirtualNat | undefined
  readonly #network: VirtualNetwork
  #cutOff = false
  #upFree = 0
  #downFree = 0
  #nextPort = 49_152

  constructor(network: VirtualNetwork, addresses: readonly string[], profile: Partial<HostProfile>) {
    this.#network = network
    this.addresses = addresses
    this.profile = { ...DEFAULT_PROFILE, ...profile }
  }

  get isCutOff(): boolean {
    return this.#cutOff
  }

  /** Nothing comes in or goes out. Connections stand and wait, as TCP's do. */
  cutOff(): void {
    this.#cutOff = true
  }

  comeBack(): void {
    this.#cutOff = false
    this.#network.healed()
  }

  /**
   * Every socket is gone. The other sides hear a reset; with `silently` they don't until they send something
   * (a half-open connection, as after a power cut).
   */
  reset(silently = false): void {
    for (const reset of [...this.onReset]) reset(silently)
    this.onReset.clear()
    this.tcpPorts.clear()
    this.udpPorts.clear()
  }

  /** The address this host shows to `remote`, or undefined when it has none of that family. */
  addressTowards(remote: string): string | undefined {
    if (isLoopback(remote)) return remote
    return this.addresses.find((address) => addressFamily(address) === addressFamily(remote))
  }

  /** Whether what is sent to this address arrives here. */
  has(address: string): boolean {
    return isLoopback(address) || this.addresses.includes(address)
  }

  freePort(isTaken: (port: number) => boolean): number {
    do {
      this.#nextPort = this.#nextPort === 65_535 ? 49_152 : this.#nextPort + 1
    } while (isTaken(this.#nextPort))
    return this.#nextPort
  }

  /** When `bytes` have left through the up-link, if they queue now. */
  reserveUp(now: number, bytes: number): number {
    this.#upFree = Math.max(this.#upFree, now) + (bytes / this.profile.up) * 1000
    return this.#upFree
  }

  reserveDown(now: number, bytes: number): number {
    this.#downFree = Math.max(this.#downFree, now) + (bytes / this.profile.down) * 1000
    return this.#downFree
  }
}

/** Hosts, names, and the ways between them. */
export class VirtualNetwork {
  readonly clock: VirtualClock
  readonly random: SimRandom
  readonly tcp: TcpOptions
  readonly #hosts = new Map<string, VirtualHost>()
  readonly #names = new Map<string, string[]>()
  readonly #latencies = new Map<VirtualHost, Map<VirtualHost, number>>()
  readonly #cuts = new Map<VirtualHost, Set<VirtualHost>>()
  readonly #waiting = new Set<() => void>()
  readonly #groups = new Map<string, Set<GroupMember>>()

  constructor(clock: VirtualClock, random: SimRandom, tcp: Partial<TcpOptions> = {}) {
    this.clock = clock
    this.random = random
    this.tcp = { ...DEFAULT_TCP, ...tcp }
  }

  /** The host with this address, made at the first call; several addresses (IPv4 and IPv6) may be given. */
  host(address: string | readonly string[], profile: Partial<HostProfile> = {}): VirtualHost {
    const addresses = (typeof address === "string" ? [address] : address).map(canonicalAddress)
    const known = addresses.map((one) => this.#hosts.get(one)).find((host) => host !== undefined)
    if (known !== undefined) {
      Object.assign(known.profile, profile)
      return known
    }
    const host = new VirtualHost(this, addresses, profile)
    for (const one of addresses) this.#hosts.set(one, host)
    return host
  }

  /**
   * The host is in another network: it has these addresses, and those that it had are nobody's. What is connected to them
   * waits, as TCP's do, for an answer that does not come.
   */
  move(host: VirtualHost, addresses: readonly string[]): void {
    for (const one of host.addresses) this.#hosts.delete(one)
    host.addresses = addresses.map(canonicalAddress)
    for (const one of host.addresses) this.#hosts.set(one, host)
  }

  /** Who answers at `address`, seen from `from`: of hosts behind a gateway only their neighbours know. */
  find(address: string, from: VirtualHost): VirtualHost | undefined {
    if (isLoopback(address)) return from
    const host = this.#hosts.get(canonicalAddress(address))
    return host?.gateway === undefined || host.gateway === from.gateway ? host : undefined
  }

  /** Who takes part in a multicast group. */
  group(name: string): Set<GroupMember> {
    const members = this.#groups.get(name) ?? new Set<GroupMember>()
    this.#groups.set(name, members)
    return members
  }

  /** Gives a name its addresses; an empty list takes it away. */
  name(hostname: string, addresses: readonly string[]): void {
    this.#names.set(hostname.toLowerCase(), addresses.map(canonicalAddress))
  }

  addressesOf(hostname: string): readonly string[] {
    const name = hostname.toLowerCase()
    if (addressFamily(name) !== undefined) return [canonicalAddress(name)]
    if (name === "localhost") return ["127.0.0.1"]
    return this.#names.get(name) ?? []
  }

  /** One-way delay between two hosts, instead of the sum of theirs. */
  link(a: VirtualHost, b: VirtualHost, latency: number): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#latencies.set(from, (this.#latencies.get(from) ?? new Map<VirtualHost, number>()).set(to, latency))
    }
  }

  /** No packet passes between two hosts until `join`. */
  part(a: VirtualHost, b: VirtualHost): void {
    this.#cuts.set(a, (this.#cuts.get(a) ?? new Set<VirtualHost>()).add(b))
    this.#cuts.set(b, (this.#cuts.get(b) ?? new Set<VirtualHost>()).add(a))
  }

  join(a: VirtualHost, b: VirtualHost): void {
    this.#cuts.get(a)?.delete(b)
    this.#cuts.get(b)?.delete(a)
    this.healed()
  }

  connected(from: VirtualHost, to: VirtualHost): boolean {
    if (from === to) return true
    return !from.isCutOff && !to.isCutOff && this.#cuts.get(from)?.has(to) !== true
  }

  /** Calls `fn` at the next change of who reaches whom. Returns how to forget about it. */
  whenHealed(fn: () => void): () => void {
    this.#waiting.add(fn)
    return () => this.#waiting.delete(fn)
  }

  healed(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const fn of waiting) fn()
  }

  latency(from: VirtualHost, to: VirtualHost): number {
    if (from === to) return LOOPBACK_LATENCY
    const base = this.#latencies.get(from)?.get(to) ?? from.profile.latency + to.profile.latency
    const jitter = from.profile.jitter + to.profile.jitter
    return jitter === 0 ? base : base + jitter * this.random.float()
  }

  /** How much later `bytes` bytes of a connection arrive, because packets of theirs were lost and are sent again, ms. */
  repair(from: VirtualHost, to: VirtualHost, bytes: number): number {
    const loss = from === to ? 0 : from.profile.loss + to.profile.loss
    if (loss === 0 || this.random.float() < (1 - loss) ** Math.ceil(bytes / PACKET)) return 0
    return this.latency(from, to) + this.latency(to, from)
  }

  /**
   * Carries `bytes` bytes through both links and calls `arrive`, `late` ms after the usual time and not before
   * `earliest` (which keeps a stream in order).
   * @returns when they reach the far side's link
   */
  carry(
    from: VirtualHost,
    to: VirtualHost,
    bytes: number,
    arrive: () => void,
    { earliest = 0, late = 0 }: { earliest?: number; late?: number } = {},
  ): number {
    const now = this.clock.now()
    const left = from === to || bytes === 0 ? now : from.reserveUp(now, bytes)
    const at = Math.max(left + this.latency(from, to) + late, earliest)
    this.clock.after(at - now, () => {
      const free = from === to || bytes === 0 ? at : to.reserveDown(at, bytes)
      if (free > at) this.clock.after(free - at, arrive)
      else arrive()
    })
    return at
  }
}
