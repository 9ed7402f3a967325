import type { PeerSession } from "../peer/peer-session.js"
import type { PeerSource } from "./peer-source.js"

/** The peers of a torrent, those that we are just connecting to among them. */
export class Roster {
  readonly #peers = new Map<PeerSession, PeerSource>()

  add(peer: PeerSource): void {
    this.#peers.set(peer.session, peer)
  }

  remove(peer: PeerSource): void {
    this.#peers.delete(peer.session)
  }

  /** The one with this session, of which something is heard: it is there until it is closed. */
  of(session: PeerSession): PeerSource {
    return this.#peers.get(session)!
  }

  /** All of them. */
  everyone(): Iterable<PeerSource> {
    return this.#peers.values()
  }

  get connectedCount(): number {
    let count = 0
    for (const _ of this.connected()) count++
    return count
  }

  get connectingCount(): number {
    return this.#peers.size - this.connectedCount
  }

  /** Peers with whom the handshake is done. */
  *connected(): Generator<PeerSource> {
    for (const peer of this.#peers.values()) if (peer.ready) yield peer
  }

  sourceById(id: number): PeerSource | undefined {
    for (const peer of this.#peers.values()) if (peer.id === id) return peer
    return undefined
  }

  /** Milliseconds until the peer with that source number will have sent all it was asked for; 0 when it is gone. */
  timeLeft(source: number, now: number): number {
    return this.sourceById(source)?.session.requester.timeLeft(now) ?? 0
  }

  /** True when some connected peer has the piece, choked or not. */
  anyoneHas(piece: number): boolean {
    for (const peer of this.connected()) if (peer.session.pieces?.has(piece)) return true
    return false
  }

  /** We have one more piece: tell those who lack it. */
  announceHave(piece: number): void {
    for (const peer of this.connected()) if (!peer.session.pieces?.has(piece)) peer.session.sendHave(piece)
  }

  /** We have one piece less: tell all. */
  announceLoss(piece: number): void {
    for (const peer of this.connected()) peer.session.sendDontHave(piece)
  }
}
