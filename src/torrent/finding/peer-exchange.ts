import { endpointKey } from "../../bytes/endpoint-key.js"
import type { Endpoint } from "../../ports/net.js"
import { HOLEPUNCH_EXTENSION } from "../../wire/holepunch-message.js"
import { decodePex, encodePex, PEX_EXTENSION, PexFlag, type PexPeer } from "../../wire/pex-message.js"
import type { PeerSource } from "../peer-source.js"
import { contactOf, mayLeadTo, scopeOf } from "./contact.js"

/** Between two messages to a peer, ms (BEP 11: at least a minute). */
const INTERVAL = 60_000
/** When there was nothing to tell, it is looked again after so many ms. */
const LOOK_AGAIN = 5_000
/** Peers added, and dropped, in one message (BEP 11). */
const MAX_CONTACTS = 50
/** A message sooner than this after the one before breaks the rules, ms: a minute, and some for the way. */
const SHORTEST_GAP = 55_000
/** A peer that does so oftener is not listened to any more. */
const MAX_FLOODS = 2
/** Addresses taken of one peer in all: nobody alone decides whom we know. */
const MAX_FROM_ONE = 300

/** Where both sides of the exchange with one peer stand. */
interface Exchange {
  /** Clock ms. */
  nextSend: number
  /** Those it was told of and not that they are gone, by address. */
  readonly told: Map<string, Endpoint>
  /** Clock ms; undefined before its first message. */
  lastReceived: number | undefined
  floods: number
  taken: number
  /** Those it told us of and not that they are gone, by address; as many as were taken. */
  readonly named: Set<string>
}

/**
 * Peer exchange (BEP 11): tells each peer whom else we are connected to, and takes from each what it says. Off for private
 * torrents (BEP 27).
 */
export class PeerExchange {
  readonly #onPeers: (peers: readonly PexPeer[]) => void
  readonly #exchanges = new WeakMap<PeerSource, Exchange>()

  constructor(onPeers: (peers: readonly PexPeer[]) => void) {
    this.#onPeers = onPeers
  }

  /** To be called every 250 ms with all connected peers. */
  tick(peers: readonly PeerSource[], now: number): void {
    let contacts: Map<PeerSource, PexPeer> | undefined
    for (const peer of peers) {
      if (!peer.session.takesExtension(PEX_EXTENSION)) continue
      const exchange = this.#of(peer, now)
      if (now < exchange.nextSend) continue
      contacts ??= contactsOf(peers)
      exchange.nextSend = now + (this.#tell(peer, exchange, contacts) ? INTERVAL : LOOK_AGAIN)
    }
  }

  /** A message of the extension came. @throws ProtocolError */
  onMessage(peer: PeerSource, payload: Uint8Array, now: number): void {
    const exchange = this.#of(peer, now)
    const { lastReceived } = exchange
    if (lastReceived !== undefined && now - lastReceived < SHORTEST_GAP) exchange.floods++
    exchange.lastReceived = now
    if (exchange.floods > MAX_FLOODS) return
    const message = decodePex(payload)
    for (const dropped of message.dropped) exchange.named.delete(endpointKey(dropped))
    const added = usable(message.added, peer.session.remote.host).slice(0, MAX_FROM_ONE - exchange.taken)
    exchange.taken += added.length
    for (const one of added) exchange.named.add(endpointKey(one))
    if (added.length > 0) this.#onPeers(added)
  }

  /** Whether the peer says that it is connected to whoever is there. */
  named(peer: PeerSource, endpoint: Endpoint): boolean {
    return this.#exchanges.get(peer)?.named.has(endpointKey(endpoint)) === true
  }

  #of(peer: PeerSource, now: number): Exchange {
    let exchange = this.#exchanges.get(peer)
    if (exchange === undefined) {
      exchange = { nextSend: now, told: new Map(), lastReceived: undefined, floods: 0, taken: 0, named: new Set() }
      this.#exchanges.set(peer, exchange)
    }
    return exchange
  }

  /** @returns whether there was anything to tell */
  #tell(peer: PeerSource, { told }: Exchange, contacts: ReadonlyMap<PeerSource, PexPeer>): boolean {
    const current = new Map<string, PexPeer>()
    for (const [other, contact] of contacts) {
      if (other !== peer && mayLeadTo(contact, peer.session.remote.host)) current.set(endpointKey(contact), contact)
    }
    const added = [...current].filter(([key]) => !told.has(key)).slice(0, MAX_CONTACTS)
    const dropped = [...told].filter(([key]) => !current.has(key)).slice(0, MAX_CONTACTS)
    if (added.length === 0 && dropped.length === 0) return false
    for (const [key, contact] of added) told.set(key, contact)
    for (const [key] of dropped) told.delete(key)
    const message = { added: added.map(([, contact]) => contact), dropped: dropped.map(([, endpoint]) => endpoint) }
    return peer.session.sendExtension(PEX_EXTENSION, encodePex(message))
  }
}

/** Where others could connect to each of these peers, of whom that is known. */
function contactsOf(peers: readonly PeerSource[]): Map<PeerSource, PexPeer> {
  const contacts = new Map<PeerSource, PexPeer>()
  for (const peer of peers) {
    const endpoint = contactOf(peer)
    if (endpoint !== undefined) contacts.set(peer, { ...endpoint, flags: flagsOf(peer) })
  }
  return contacts
}

function flagsOf({ session, incoming, punched }: PeerSource): number {
  const punches = session.takesExtension(HOLEPUNCH_EXTENSION)
  return (
    (session.prefersEncryption ? PexFlag.prefersEncryption : 0) |
    (session.uploadOnly ? PexFlag.uploadOnly : 0) |
    // Who punches holes does it by uTP (BEP 55).
    (session.utp || punches ? PexFlag.utp : 0) |
    (punches ? PexFlag.holepunch : 0) |
    (incoming || punched ? 0 : PexFlag.reachable)
  )
}

/** Those that may be connected to, one of each host (on a local network, of each port: labs run many on one). */
function usable(added: readonly PexPeer[], sender: string): PexPeer[] {
  const found = new Map<string, PexPeer>()
  for (const peer of added) {
    if (!mayLeadTo(peer, sender)) continue
    const key = scopeOf(peer.host) === "public" ? peer.host : endpointKey(peer)
    if (!found.has(key)) found.set(key, peer)
  }
  return [...found.values()]
}
