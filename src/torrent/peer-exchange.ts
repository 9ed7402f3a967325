import { ipScope, parseIp } from "../bytes/ip.js"
import { ProtocolError } from "../errors.js"
import type { Endpoint } from "../ports/net.js"
import { decodePex, encodePex, PEX_EXTENSION, PexFlag, type PexMessage, type PexPeer } from "../wire/pex-message.js"
import type { PeerSource } from "./peer-source.js"

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
}

/**
 * Peer exchange (BEP 11): tells each peer whom else we are connected to, and takes from each what it says. Off for private
 * torrents (BEP 27).
 */
export class PeerExchange {
  readonly #onPeers: (endpoints: readonly Endpoint[]) => void
  readonly #exchanges = new Map<PeerSource, Exchange>()

  constructor(onPeers: (endpoints: readonly Endpoint[]) => void) {
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

  /** A message of the extension came. */
  onMessage(peer: PeerSource, payload: Uint8Array, now: number): void {
    const exchange = this.#of(peer, now)
    const { lastReceived } = exchange
    if (lastReceived !== undefined && now - lastReceived < SHORTEST_GAP) exchange.floods++
    exchange.lastReceived = now
    if (exchange.floods > MAX_FLOODS) return
    let message: PexMessage
    try {
      message = decodePex(payload)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      peer.session.close(error)
      return
    }
    const endpoints = usable(message.added, peer.session.remote.host).slice(0, MAX_FROM_ONE - exchange.taken)
    exchange.taken += endpoints.length
    if (endpoints.length > 0) this.#onPeers(endpoints)
  }

  forget(peer: PeerSource): void {
    this.#exchanges.delete(peer)
  }

  #of(peer: PeerSource, now: number): Exchange {
    let exchange = this.#exchanges.get(peer)
    if (exchange === undefined) {
      exchange = { nextSend: now, told: new Map(), lastReceived: undefined, floods: 0, taken: 0 }
      this.#exchanges.set(peer, exchange)
    }
    return exchange
  }

  /** @returns whether there was anything to tell */
  #tell(peer: PeerSource, { told }: Exchange, contacts: ReadonlyMap<PeerSource, PexPeer>): boolean {
    const current = new Map<string, PexPeer>()
    for (const [other, contact] of contacts) if (other !== peer) current.set(keyOf(contact), contact)
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
    const { session, incoming } = peer
    const port = incoming ? session.listenPort : session.remote.port
    if (port === undefined) continue
    const flags = (session.uploadOnly ? PexFlag.uploadOnly : 0) | (incoming ? 0 : PexFlag.reachable)
    contacts.set(peer, { host: session.remote.host, port, flags })
  }
  return contacts
}

/**
 * Those that may be connected to, one of each host (on a local network, of each port: labs run many on one). Who is on
 * the internet can't lead us to a place in our own network.
 */
function usable(added: readonly PexPeer[], sender: string): Endpoint[] {
  const isLocal = scopeOf(sender) !== "public"
  const found = new Map<string, Endpoint>()
  for (const { host, port } of added) {
    const scope = scopeOf(host)
    if (port === 0 || scope === "refused" || (scope !== "public" && !isLocal)) continue
    const key = scope === "public" ? host : keyOf({ host, port })
    if (!found.has(key)) found.set(key, { host, port })
  }
  return [...found.values()]
}

function scopeOf(host: string): ReturnType<typeof ipScope> {
  const address = parseIp(host)
  return address === undefined ? "refused" : ipScope(address)
}

function keyOf({ host, port }: Endpoint): string {
  return `${host} ${port}`
}
