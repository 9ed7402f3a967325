import { endpointKey } from "../../bytes/endpoint-key.js"
import type { Endpoint } from "../../ports/net.js"
import type { Random } from "../../ports/random.js"
import { PexFlag } from "../../wire/pex-message.js"
import type { EncryptionChoice, Way } from "./encryption-choice.js"

/** Addresses remembered at most (libtorrent: 3000, rain: 2000). */
const MAX_ADDRESSES = 2000
/** After this many failed connections an address is left alone until a tracker names it again (libtorrent: 3). */
const MAX_FAILURES = 3
/** Hope for one where somebody was lasts longer: about an hour without a network. */
const MAX_FAILURES_KNOWN = 20
/** Wait before another try, ms, times the number of failures (libtorrent: 60 s). */
const RETRY = 60_000
/** The same for an address that the user named: he expects it to come up. */
const RETRY_NAMED = 5_000
/** No wait is longer, ms: it may be our own network that comes back. */
const LONGEST_RETRY = MAX_FAILURES * RETRY
/** Wait before an address that gave or took something is tried again, ms. */
const RECONNECT = 10_000

/** Several peers may share a host behind a gateway, so one bad port does not damn it; this many do. */
const BANS_OF_HOST = 3

/** Where an address came from; `link`: a magnet link; `incoming`: whoever connected to us said that it listens there. */
export type PeerOrigin = "user" | "link" | "incoming" | "tracker" | "pex" | "dht" | "lsd"

/**
 * How a connection went.
 * - `failed`: nobody was reached
 * - `refused`: somebody was, and no handshake came
 * - `idle`: the handshake was done, and no payload went either way
 * - `useful`: some did
 * - `satisfied`: it wants nothing, and neither do we
 */
export type ConnectionOutcome = "failed" | "refused" | "idle" | "useful" | "satisfied"

interface Address {
  readonly endpoint: Endpoint
  origin: PeerOrigin
  /** Connections in a row that brought nothing. */
  failures: number
  /** Somebody there was connected to us once. */
  known: boolean
  notBefore: number
  /** A connection to whoever is there is under way or stands. */
  busy: boolean
  readonly way: Way
  /** Whoever is there wants nothing: there is no use in a connection until we want something. */
  satisfied: boolean
  /** Among equals the highest is tried first; 0 while nothing is known of it. */
  priority: number
  /** What peers say of whoever is there: {@link PexFlag}. */
  flags: number
  /** Whoever is there takes part under the torrent's v2 infohash (BEP 52). */
  v2: boolean
}

/** What is said of an address by who names it. */
interface About {
  /** See {@link PexFlag}. */
  readonly flags?: number
  /** It was named to who asked for the v2 infohash: perhaps no other is known there. */
  readonly v2?: boolean
}

/** What a connection is wanted for. */
export interface Wish {
  /** We only give. */
  readonly giving?: boolean
  /** Nobody is connected: perhaps our own network was gone. */
  readonly alone?: boolean
}

/** How much a connection to an address is worth, 0 to 2^32 - 1; undefined: it can't be said. */
export type PriorityOf = (endpoint: Endpoint) => number | undefined

/** The addresses a torrent knows, and when each may be tried. */
export class PeerBook {
  readonly #addresses = new Map<string, Address>()
  /** Nobody there is connected to, or let in from there. */
  readonly #banned = new Set<string>()
  readonly #bannedOfHost = new Map<string, number>()
  readonly #random: Random
  readonly #encryption: EncryptionChoice
  #priorityOf: PriorityOf | undefined

  constructor(random: Random, encryption: EncryptionChoice) {
    this.#random = random
    this.#encryption = encryption
  }

  get size(): number {
    return this.#addresses.size
  }

  /** All addresses that are known; or those from one origin. */
  endpoints(origin?: PeerOrigin): Endpoint[] {
    return [...this.#addresses.values()]
      .filter((address) => origin === undefined || address.origin === origin)
      .map(({ endpoint }) => endpoint)
  }

  /** An address was named. Naming a failed one again gives it another chance. */
  add(endpoint: Endpoint, origin: PeerOrigin, now: number, { flags = 0, v2 = false }: About = {}): void {
    const known = this.#find(endpoint)
    if (known !== undefined) {
      known.v2 ||= v2
      // Who wanted nothing may want something by now; all else stays true.
      if (origin === "pex") known.flags &= ~PexFlag.uploadOnly
      known.flags |= flags
      if (origin === "user") known.origin = "user"
      if (known.failures >= MAX_FAILURES && now >= known.notBefore) known.failures = MAX_FAILURES - 1
      return
    }
    if (this.#addresses.size >= MAX_ADDRESSES && !this.#makeRoom(origin)) return
    this.#addresses.set(endpointKey(endpoint), {
      endpoint,
      origin,
      failures: 0,
      known: false,
      notBefore: 0,
      busy: false,
      way: this.#encryption.newWay((flags & PexFlag.prefersEncryption) !== 0),
      satisfied: false,
      priority: this.#priority(endpoint),
      flags,
      v2,
    })
  }

  /** Whether the next connection there begins with the v2 infohash. */
  beginsWithV2(endpoint: Endpoint): boolean {
    return this.#find(endpoint)?.v2 ?? false
  }

  /** From now on those with the highest priority come first among equals. To be called again when priorities change. */
  prefer(priorityOf: PriorityOf): void {
    this.#priorityOf = priorityOf
    for (const address of this.#addresses.values()) address.priority = this.#priority(address.endpoint)
  }

  /**
   * The next address to connect to, which is then busy; undefined when none is due. Those that never failed come first.
   * While we only give, who is said to want nothing is left out; when nobody else is there, who was is tried for ever.
   */
  next(now: number, wish: Wish = {}): Endpoint | undefined {
    let best: Address | undefined
    let ties = 0
    for (const address of this.#addresses.values()) {
      if (!this.#isDue(address, now, wish)) continue
      const order = best === undefined ? -1 : address.failures - best.failures || best.priority - address.priority
      if (order > 0) continue
      if (order === 0) {
        // A fair draw among equals, in one pass.
        if (this.#random.below(++ties) !== 0) continue
      } else ties = 1
      best = address
    }
    if (best === undefined) return undefined
    best.busy = true
    return best.endpoint
  }

  /** Whether {@link next} would have one. */
  hasDue(now: number, wish: Wish = {}): boolean {
    for (const address of this.#addresses.values()) if (this.#isDue(address, now, wish)) return true
    return false
  }

  /** Who is connected to us can be reached there: the address is busy then. False when it is not known, or was busy before. */
  claim(endpoint: Endpoint): boolean {
    const address = this.#find(endpoint)
    if (address === undefined || address.busy) return false
    address.busy = true
    return true
  }

  /** What peers say of whoever is there: {@link PexFlag}. */
  flags(endpoint: Endpoint): number {
    return this.#find(endpoint)?.flags ?? 0
  }

  /** Whether the next connection there is to be encrypted. */
  encrypts(endpoint: Endpoint): boolean {
    return this.#encryption.encrypts(this.#find(endpoint)?.way ?? this.#encryption.newWay())
  }

  /** The connection that we opened brought a handshake. */
  answered(endpoint: Endpoint): void {
    const address = this.#find(endpoint)
    if (address !== undefined) this.#encryption.answered(address.way)
  }

  /** The connection that made the address busy ended. */
  ended(endpoint: Endpoint, outcome: ConnectionOutcome, now: number): void {
    const address = this.#find(endpoint)
    if (address === undefined) return
    address.busy = false
    address.satisfied = outcome === "satisfied"
    address.known ||= outcome !== "failed" && outcome !== "refused"
    if (outcome === "useful" || outcome === "satisfied") {
      address.failures = 0
      address.notBefore = now + RECONNECT
      return
    }
    if (outcome === "refused") {
      // It may know the other infohash alone, or want it encrypted, or not.
      const mayKnowOther = address.v2
      address.v2 = false
      if (this.#encryption.turn(address.way) || mayKnowOther) {
        address.notBefore = now
        return
      }
    }
    address.failures++
    const wait = address.failures * (address.origin === "user" ? RETRY_NAMED : RETRY)
    address.notBefore = now + Math.min(wait, LONGEST_RETRY)
    // Somebody is there: it may have something for us another time.
    if (outcome === "idle") address.failures = Math.min(address.failures, MAX_FAILURES - 1)
  }

  /** Somebody is reached after nobody was: perhaps our own network was gone, and who was given up is worth one more try. */
  forgive(): void {
    for (const address of this.#addresses.values()) address.failures = Math.min(address.failures, MAX_FAILURES - 1)
  }

  /** We have other addresses: who was there is so still, and is tried at once whatever became of the connection. */
  moved(now: number): void {
    for (const address of this.#addresses.values()) {
      if (!address.known) continue
      address.notBefore = now
      address.failures = 0
    }
  }

  /** We want something, now or again: those who want nothing may have it. */
  reconsider(): void {
    for (const address of this.#addresses.values()) address.satisfied = false
  }

  /** The address leads to ourselves: it is never given out again. */
  forget(endpoint: Endpoint): void {
    this.#banned.add(endpointKey(endpoint))
  }

  /** It sent wrong bytes: nothing from there any more. */
  ban(endpoint: Endpoint): void {
    const key = endpointKey(endpoint)
    if (this.#banned.has(key)) return
    this.#banned.add(key)
    this.#bannedOfHost.set(endpoint.host, (this.#bannedOfHost.get(endpoint.host) ?? 0) + 1)
  }

  isBanned(endpoint: Endpoint): boolean {
    return this.#banned.has(endpointKey(endpoint)) || (this.#bannedOfHost.get(endpoint.host) ?? 0) >= BANS_OF_HOST
  }

  /** True while some address may yet be tried without being named again. */
  get hopeful(): boolean {
    for (const address of this.#addresses.values()) {
      if (this.isBanned(address.endpoint)) continue
      const most = address.known ? MAX_FAILURES_KNOWN : MAX_FAILURES
      if (address.busy || address.origin === "user" || address.failures < most) return true
    }
    return false
  }

  #find(endpoint: Endpoint): Address | undefined {
    return this.#addresses.get(endpointKey(endpoint))
  }

  #isDue(address: Address, now: number, { giving = false, alone = false }: Wish): boolean {
    if (address.busy || address.satisfied || address.notBefore > now || this.isBanned(address.endpoint)) return false
    const givenUp = address.failures >= MAX_FAILURES && address.origin !== "user"
    if (givenUp && !(alone && address.known)) return false
    return !giving || (address.flags & PexFlag.uploadOnly) === 0
  }

  /** Where it can't be said, chance has it: priorities are as evenly spread. */
  #priority(endpoint: Endpoint): number {
    return this.#priorityOf === undefined ? 0 : (this.#priorityOf(endpoint) ?? this.#random.below(2 ** 32))
  }

  /** Forgets one that failed; for one that no peer named, one that a peer did: peers and neighbours may name any number. */
  #makeRoom(origin: PeerOrigin): boolean {
    const forget = (isSpare: (address: Address) => boolean): boolean => {
      for (const [key, address] of this.#addresses) {
        if (!address.busy && isSpare(address)) return this.#addresses.delete(key)
      }
      return false
    }
    if (forget((address) => address.origin !== "user" && address.failures > 0)) return true
    return !isNamedByPeers(origin) && forget((address) => isNamedByPeers(address.origin))
  }
}

function isNamedByPeers(origin: PeerOrigin): boolean {
  return origin === "pex" || origin === "incoming" || origin === "lsd"
}
