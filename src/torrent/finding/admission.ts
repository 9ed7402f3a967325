import { Allowance } from "../../bytes/allowance.js"
import { holdingOf } from "../../bytes/ip-scope.js"
import type { PeerSession } from "../../peer/peer-session.js"
import type { Endpoint } from "../../ports/net.js"
import type { PeerSource } from "../peer-source.js"
import type { ConnectionBudget, Sharer } from "./connection-budget.js"
import { scopeOf } from "./contact.js"
import type { PriorityOf } from "./peer-book.js"

/** Peers of one torrent at most, unless told otherwise (rain: 100, Transmission: 50). */
const MAX_PEERS = 80
/** This part of them is kept for those we choose ourselves: strangers can't take them all. */
const FOR_OUTGOING = 0.25
/** Connections from one host; several clients may share one behind a gateway. */
const MAX_OF_HOST = 4
/** The same for an address of a local network or of this machine (labs and containers sit behind one), and for a /64 of IPv6. */
const MAX_OF_LOCAL_HOST = 20
const MAX_OF_HOLDING = 20
/** A connection has so many ms to bring a handshake that counts; connecting takes ten seconds at most, and the handshake ten. */
const UNREADY = 20_000
/** An address that has not answered for so long, ms, gives way to somebody who is there: it may be nobody's. */
const UNANSWERED = 3_000
/** A connection that is of no use to either side ends after so many ms (libtorrent: 600 s), and when others wait for a place. */
const IDLE = 600_000
const IDLE_WHEN_FULL = 60_000
/** To a newcomer it gives way as soon as both sides had the time to say what they have, ms. */
const IDLE_FOR_NEWCOMER = 10_000
/**
 * Where others could be tried, a peer by which nothing has come or gone for so long, ms, may lose its place; one of them at a time, each
 * so many ms (libtorrent: some of them every 300 s). Newcomers are let download first (BEP 3): others may be quicker to do so.
 */
const FRUITLESS = 180_000
const TURNOVER = 60_000
/** So many connections are never taken from a torrent as long as they are of use. */
const KEPT = 8

export interface AdmissionOptions {
  readonly peers: () => Iterable<PeerSource>
  readonly budget: ConnectionBudget
  /** Peers at a time, at least 1. Default: 80. */
  readonly maxPeers?: number | undefined
  readonly priorityOf: PriorityOf
}

/** Who may have one of the places for peers, and who loses it. */
export class Admission implements Sharer {
  readonly #peers: () => Iterable<PeerSource>
  readonly #budget: ConnectionBudget
  readonly #most: number
  readonly #priorityOf: PriorityOf
  readonly #turnover = new Allowance(1, TURNOVER)

  constructor({ peers, budget, maxPeers = MAX_PEERS, priorityOf }: AdmissionOptions) {
    this.#most = maxPeers
    this.#peers = peers
    this.#budget = budget
    this.#priorityOf = priorityOf
    budget.join(this)
  }

  get connections(): number {
    return this.#count()
  }

  /** A place is free, of those that this torrent has. */
  get hasRoom(): boolean {
    return this.connections < this.#most
  }

  /** Whether one more may be opened, when it is this torrent's turn. `due`: we know where to. */
  mayConnect(now: number, due: () => boolean): boolean {
    return this.hasRoom && this.#budget.mayConnect(this, now, due)
  }

  /**
   * Where all places are taken, ends a connection that has long brought nothing, for one more to be opened; not more than one a
   * minute. To be called while something is missing. `due`: we know where to.
   */
  turnOver(now: number, due: () => boolean): void {
    if ((this.hasRoom && !this.#budget.isFull) || !this.#turnover.hasLeft(now)) return
    const fruitless = this.#mostFruitless(now)
    if (fruitless === undefined || !due()) return
    this.#turnover.take(now)
    this.#budget.putFirst(this, now)
    fruitless.session.close(new Error("has not let us download for long, and another may"))
  }

  /** We know nowhere to connect to: the turn is others'. */
  pass(): void {
    this.#budget.pass(this)
  }

  /** Whether one may be opened that can't wait for a turn. */
  mayConnectAtOnce(now: number): boolean {
    return this.hasRoom && this.#budget.hasRoom(now)
  }

  /** One is being opened. */
  opened(now: number): void {
    this.#budget.opened(this, now)
  }

  /**
   * Whether one more connection may come in from there. One that stalls in its handshake, one that we open and that is not
   * answered, an idle one, one of a torrent that has more, or one of lower priority, may have to leave for it.
   */
  mayAccept(remote: Endpoint, now: number): boolean {
    const { host } = remote
    const holding = holdingOf(host)
    const isOfHost = (peer: PeerSource): boolean => peer.incoming && peer.session.remote.host === host
    const isOfHolding = (peer: PeerSource): boolean => peer.incoming && holdingOf(peer.session.remote.host) === holding
    if (!this.#hasPlace(isOfHost, isLocal(host) ? MAX_OF_LOCAL_HOST : MAX_OF_HOST)) return false
    if (!this.#hasPlace(isOfHolding, MAX_OF_HOLDING)) return false
    const incomingFull = this.#incomingFull
    if (!incomingFull && !this.#full) return true
    return (
      this.#evictStalled(isIncoming) ||
      (!incomingFull && this.#evictUnanswered(now)) ||
      this.#evictIdle(incomingFull ? isIncoming : () => true, now) ||
      (!incomingFull && this.hasRoom && this.#budget.giveTo(this.connections, now)) ||
      this.#evictOutranked(remote, now)
    )
  }

  /**
   * Ends one that stalls, is not answered, or is idle; else, of those by which nothing comes or goes, the one that has asked for nothing longest;
   * and `toNone`, the slowest of more than a few.
   */
  giveWay(now: number, toNone: boolean): boolean {
    return (
      this.#evictStalled(isIncoming) ||
      this.#evictUnanswered(now) ||
      this.#evictIdle(() => true, now) ||
      this.#evictUnserved(now) ||
      (toNone && this.#evictSlowest(now))
    )
  }

  /** It takes part in the sharing no more. */
  close(): void {
    this.#budget.leave(this)
  }

  /** Ends what is of no use. To be called every 250 ms. */
  tick(now: number): void {
    const full = this.#incomingFull || this.#full
    for (const peer of [...this.#peers()]) {
      const { session } = peer
      if (!peer.ready) {
        if (now - peer.since >= UNREADY) session.close(new Error("no handshake that counts"))
        continue
      }
      if (session.amInterested || session.peerInterested) peer.interestedAt = now
      if (letsUsDownload(session, now)) peer.letAt = now
      if (now - peer.interestedAt >= (full ? IDLE_WHEN_FULL : IDLE)) {
        session.close(new Error("neither side wants anything"))
      } else if (full && !session.amInterested && !session.amChoking && now - peer.requestedAt >= IDLE_WHEN_FULL) {
        session.close(new Error("it was unchoked and asks for nothing"))
      }
    }
  }

  get #full(): boolean {
    return !this.hasRoom || !this.#budget.mayAccept
  }

  get #incomingFull(): boolean {
    return this.#count(isIncoming) >= this.#most - Math.floor(this.#most * FOR_OUTGOING)
  }

  #count(which: (peer: PeerSource) => boolean = () => true): number {
    let count = 0
    for (const peer of this.#peers()) if (which(peer)) count++
    return count
  }

  /** One more of these would not be too many, if need be after one that stalls has gone. */
  #hasPlace(which: (peer: PeerSource) => boolean, most: number): boolean {
    return this.#count(which) < most || this.#evictStalled(which)
  }

  /**
   * Ends the oldest connection whose handshake is not whole. An honest peer's comes in one piece, so it never waits there;
   * who sends a part of it to keep a place keeps none that another could use. False when there is none.
   */
  #evictStalled(which: (peer: PeerSource) => boolean): boolean {
    const oldest = this.#least((peer) => (!peer.ready && which(peer) ? peer.since : undefined))
    return end(oldest, "its handshake stalls, and another wants its place")
  }

  /** Ends the oldest of those that we open and that nobody answers. False when there is none. */
  #evictUnanswered(now: number): boolean {
    return this.#evictStalled((peer) => !peer.incoming && now - peer.since >= UNANSWERED)
  }

  /** Ends the connection that neither side has wanted anything of for longest. False when there is none. */
  #evictIdle(which: (peer: PeerSource) => boolean, now: number): boolean {
    const idlest = this.#least((peer) => {
      const { session, ready, interestedAt } = peer
      if (!ready || !which(peer) || session.amInterested || session.peerInterested) return undefined
      return now - interestedAt < IDLE_FOR_NEWCOMER ? undefined : interestedAt
    })
    return end(idlest, "gives way to another")
  }

  /** Of those that we chose, and of those that came only if these are few: perhaps we can't reach them. */
  #mostFruitless(now: number): PeerSource | undefined {
    const { connections } = this
    const areFew = connections - this.#count(isIncoming) < Math.max(1, Math.floor(connections * FOR_OUTGOING))
    return this.#least(({ ready, incoming, usefulAt }) =>
      ready && (areFew || !incoming) && now - usefulAt >= FRUITLESS ? usefulAt : undefined,
    )
  }

  /** Ends the connection by which nothing comes or goes and that has asked for nothing longest. False when there is none. */
  #evictUnserved(now: number): boolean {
    const longest = this.#least(({ session, ready, requestedAt }) => {
      const comes = session.amInterested && !session.peerChoking
      if (!ready || comes || !session.amChoking || now - requestedAt < IDLE_FOR_NEWCOMER) return undefined
      return requestedAt
    })
    return end(longest, "gives way to a torrent with fewer peers")
  }

  /** Ends the connection by which least comes and goes, if more are of use than a torrent keeps. False when there is none. */
  #evictSlowest(now: number): boolean {
    if (this.#count(({ ready }) => ready) <= KEPT) return false
    const slowest = this.#least(({ session, ready, since }) =>
      ready && now - since >= IDLE_FOR_NEWCOMER ? session.downloadRate(now) + session.uploadRate(now) : undefined,
    )
    return end(slowest, "gives way to a torrent without peers")
  }

  /**
   * Ends the connection of lowest priority (BEP 40) among those that came in, have nothing for us and were not served for a
   * while, if the newcomer has a higher one. False when there is none.
   */
  #evictOutranked(newcomer: Endpoint, now: number): boolean {
    const its = this.#priorityOf(newcomer)
    if (its === undefined) return false
    const lowest = this.#least(({ session, ready, incoming, requestedAt }) => {
      if (!ready || !incoming || session.amInterested || !session.amChoking) return undefined
      if (now - requestedAt < IDLE_FOR_NEWCOMER) return undefined
      const priority = this.#priorityOf(session.remote)
      return priority !== undefined && priority < its ? priority : undefined
    })
    return end(lowest, "gives way to one of higher priority")
  }

  /** The peer of the least key, the first of several; those without one are left out. */
  #least(keyOf: (peer: PeerSource) => number | undefined): PeerSource | undefined {
    let found: PeerSource | undefined
    let least = Number.POSITIVE_INFINITY
    for (const peer of this.#peers()) {
      const key = keyOf(peer)
      if (key !== undefined && key < least) [found, least] = [peer, key]
    }
    return found
  }
}

/** Ends its connection. False when there is none. */
function end(peer: PeerSource | undefined, reason: string): boolean {
  peer?.session.close(new Error(reason))
  return peer !== undefined
}

/** It may be asked for what we want, and answers. */
function letsUsDownload(session: PeerSession, now: number): boolean {
  if (!session.amInterested) return false
  // Of allowed fast pieces some come while it chokes us.
  return (!session.peerChoking && !session.requester.snubbed) || session.downloadRate(now) > 0
}

function isIncoming({ incoming }: PeerSource): boolean {
  return incoming
}

function isLocal(host: string): boolean {
  const scope = scopeOf(host)
  return scope === "private" || scope === "loopback"
}
