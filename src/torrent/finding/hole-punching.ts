import { Allowances } from "../../bytes/allowance.js"
import type { Endpoint } from "../../ports/net.js"
import {
  decodeHolepunch,
  encodeHolepunch,
  HOLEPUNCH_EXTENSION,
  type HolepunchMessage,
} from "../../wire/holepunch-message.js"
import { PexFlag } from "../../wire/pex-message.js"
import type { PeerSource } from "../peer-source.js"
import { mayLeadTo } from "./contact.js"
import { Relays } from "./relays.js"
import { Rendezvous, type RendezvousOptions } from "./rendezvous.js"

/** ms */
const MINUTE = 60_000
/** Connections that one peer makes us open in a minute, at most. */
const MAX_CONNECTS = 10
/** Who is said to need it and does not answer within so many ms is not waited for any longer: a connection takes a round trip. */
const PATIENCE = 500

export interface HolePunchingOptions extends RendezvousOptions {
  /** Whether a peer said that it is connected to whoever is there. */
  readonly named: (peer: PeerSource, endpoint: Endpoint) => boolean
  /** What peers say of whoever is there: {@link PexFlag}. */
  readonly flags: (endpoint: Endpoint) => number
  /** Connects there by uTP alone, if that may be; not to somebody who is connected. */
  readonly punch: (endpoint: Endpoint) => void
}

/**
 * Hole punching (BEP 55): two peers behind gateways, which let in only what answers to something that went out, connect to
 * each other at the same moment by uTP. A third one, connected to both, gives the sign. Off for private torrents, because
 * an address comes from a peer (BEP 27).
 */
export class HolePunching {
  readonly #options: HolePunchingOptions
  readonly #rendezvous: Rendezvous
  readonly #relays = new Relays<PeerSource>()
  readonly #connects = new Allowances<PeerSource>(MAX_CONNECTS, MINUTE)

  constructor(options: HolePunchingOptions) {
    this.#options = options
    this.#rendezvous = new Rendezvous(options)
  }

  /** A message of the extension came. @throws ProtocolError */
  onMessage(peer: PeerSource, payload: Uint8Array, now: number): void {
    // Who does not take part is not to be listened to (BEP 55).
    if (!peer.session.takesExtension(HOLEPUNCH_EXTENSION)) return
    const message = decodeHolepunch(payload)
    // An error tells nothing that silence would not: others were asked at the same time.
    if (message?.kind === "rendezvous") this.#rendezvous.bringTogether(peer, message, now)
    else if (message?.kind === "connect") this.#connect(peer, message, now)
  }

  /** Nobody answers there: has us brought together by those who are connected to them. False when nobody can, or may now. */
  ask(endpoint: Endpoint, now: number): boolean {
    const { host, port } = endpoint
    const payload = encodeHolepunch({ kind: "rendezvous", host, port, error: 0 })
    if (payload === undefined) return false
    const able = [...this.#options.peers()].filter(({ session }) => session.takesExtension(HOLEPUNCH_EXTENSION))
    const named = able.filter((peer) => this.#options.named(peer, endpoint))
    // Where nobody named it, a tracker did: somebody may be connected to it all the same.
    const asked = this.#relays.take(named.length > 0 ? named : able, now)
    for (const { session } of asked) session.sendExtension(HOLEPUNCH_EXTENSION, payload)
    return asked.length > 0
  }

  /** Asks for those who are being connected to and seem to need it. To be called every 250 ms. */
  tick(peers: Iterable<PeerSource>, now: number): void {
    for (const peer of peers) {
      const [address] = peer.addresses
      if (peer.punched || peer.incoming || peer.session.reached || address === undefined) continue
      if (now - peer.since < PATIENCE || !needsHelp(this.#options.flags(address))) continue
      peer.punched = this.ask(address, now)
    }
  }

  /** No connection could be made: perhaps it can with help. */
  failed({ incoming, punched, addresses }: PeerSource, now: number): void {
    if (incoming || punched) return
    for (const address of addresses) if (this.#maySpeak(address)) this.ask(address, now)
  }

  /** Somebody who speaks of it by peer exchange says that it takes part, or nobody does: a tracker named it. */
  #maySpeak(address: Endpoint): boolean {
    const isNamed = [...this.#options.peers()].some((peer) => this.#options.named(peer, address))
    return !isNamed || (this.#options.flags(address) & PexFlag.holepunch) !== 0
  }

  #connect(peer: PeerSource, { host, port }: HolepunchMessage, now: number): void {
    const endpoint = { host, port }
    if (!mayLeadTo(endpoint, peer.session.remote.host) || this.#options.isOwn(endpoint)) return
    if (this.#connects.take(peer, now)) this.#options.punch(endpoint)
  }
}

/** It takes part, and those who named it did not connect to it: it did to them. */
function needsHelp(flags: number): boolean {
  return (flags & (PexFlag.holepunch | PexFlag.reachable)) === PexFlag.holepunch
}
