import type { Bitfield } from "../../bytes/bitfield.js"
import type { TorrentLayout } from "../../metainfo/layout.js"
import { Availability } from "../../picker/availability.js"
import type { Clock } from "../../ports/clock.js"
import type { Random } from "../../ports/random.js"
import type { PeerSource } from "../peer-source.js"
import { FullCopy } from "./full-copy.js"
import { Taker, WINDOW } from "./taker.js"

/** A piece that is not seen elsewhere for so long will not be, ms. */
const PATIENCE = 60_000
/** Who is not interested in the piece it was shown may be in another, ms (libtorrent: 10 s). */
const UNINTERESTED = 10_000
/** Nobody has asked for anything for so long, ms: it is better to give more than strictly. */
const IDLE = 1000
/** The same when every piece is with somebody already. */
const IDLE_COPIED = 15_000

/** Of the rarest pieces so many are looked at for one that is new to a peer. */
const MAX_LOOKS = 1000
/** Pieces that are told one by one at the end, 9 bytes each; who lacks more had better connect again and hear "have all". */
const MAX_HAVES = 10_000

/**
 * Super-seeding (BEP 16): passes for a peer without data, and shows each peer one piece at a time, the rarest; the next
 * when it was seen that a piece was passed on. So the first seed gives little more than one copy. It ends when another says
 * that it has a full copy, and there is more than its word for it.
 */
export class SuperSeeding {
  readonly #layout: TorrentLayout
  readonly #clock: Clock
  readonly #have: Bitfield
  readonly #takers = new Map<PeerSource, Taker>()
  /** Pieces → those that are to pass them on: it is their current one, or among those that wait to be seen elsewhere. */
  readonly #bearers = new Map<number, Set<Taker>>()
  /** For each piece, how many have it or are shown it now. */
  readonly #copies: Availability
  readonly #fullCopy: FullCopy
  #active: boolean
  #askedAt: number

  /** `have`: all, as long as nothing is lost. */
  constructor(options: { layout: TorrentLayout; random: Random; clock: Clock; have: Bitfield }) {
    this.#have = options.have
    this.#active = options.have.complete
    this.#layout = options.layout
    this.#clock = options.clock
    this.#copies = new Availability(options.layout.pieceCount, options.random)
    for (let piece = 0; piece < options.layout.pieceCount; piece++) this.#copies.addCandidate(piece)
    this.#fullCopy = new FullCopy(options.layout.pieceCount)
    this.#askedAt = options.clock.now()
  }

  get active(): boolean {
    return this.#active
  }

  /** A peer that was told that we have nothing. */
  add(peer: PeerSource): void {
    this.#takers.set(peer, new Taker(peer.session, this.#layout, this.#clock.now()))
  }

  /** The peer says what it has, and had said `previous` before. It is shown the next piece with the next tick. */
  pieces(peer: PeerSource, previous: Bitfield | undefined): void {
    const taker = this.#takers.get(peer)
    const { pieces } = peer.session
    if (taker === undefined || pieces === undefined) return
    this.#uncount(taker, previous)
    this.#count(taker, pieces)
    if (taker.current !== undefined && pieces.has(taker.current)) this.#withdraw(taker)
    for (const piece of taker.asked.keys()) if (pieces.has(piece)) taker.asked.delete(piece)
    for (const piece of taker.given) if (pieces.has(piece)) this.#ungive(taker, piece)
    taker.left = pieces.length - pieces.count
    for (const piece of taker.shown) if (!pieces.has(piece)) taker.left--
    for (const other of this.#takers.values()) {
      if (other === taker) continue
      for (const piece of other.waiting.keys()) if (pieces.has(piece)) this.#passedOn(other, piece)
    }
  }

  /** The peer has one more piece. If it was the current one, it is shown the next with the next tick. */
  have(peer: PeerSource, piece: number): void {
    const taker = this.#takers.get(peer)
    if (taker === undefined) return
    this.#copies.addHave(piece)
    if (taker.current === piece) this.#withdraw(taker)
    taker.asked.delete(piece)
    if (taker.given.has(piece)) this.#ungive(taker, piece)
    if (!taker.shown.has(piece)) taker.left--
    for (const other of this.#bearers.get(piece) ?? []) if (other !== taker) this.#passedOn(other, piece)
  }

  /** The peer has one piece less. */
  dontHave(peer: PeerSource, piece: number): void {
    const taker = this.#takers.get(peer)
    if (taker === undefined) return
    if (taker.seed) {
      this.#uncount(taker, undefined)
      this.#count(taker, peer.session.pieces!)
    } else this.#copies.removeHave(piece)
    if (!taker.shown.has(piece)) taker.left++
  }

  forget(peer: PeerSource): void {
    const taker = this.#takers.get(peer)
    if (taker === undefined) return
    this.#takers.delete(peer)
    this.#uncount(taker, peer.session.pieces)
    this.#copies.removePeer(taker.given)
    this.#withdraw(taker)
    for (const piece of taker.waiting.keys()) this.#release(taker, piece)
  }

  /** What the peer may ask for. */
  shownTo(peer: PeerSource): Bitfield | undefined {
    return this.#takers.get(peer)?.shown
  }

  /** The peer asks for a part of a piece. @returns whether it may */
  asks(peer: PeerSource, piece: number, begin: number, length: number): boolean {
    const taker = this.#takers.get(peer)
    if (taker === undefined || !taker.shown.has(piece)) return false
    this.#askedAt = this.#clock.now()
    if (taker.given.has(piece) || peer.session.pieces?.has(piece)) return true
    if (taker.ask(piece, begin, length)) this.#give(taker, piece)
    return true
  }

  /** To be called every 250 ms. `busy`: something is being given. */
  tick(busy: boolean): void {
    const takers = [...this.#takers.values()]
    if (!this.#have.complete || this.#fullCopy.isAmong(takers)) this.end()
    if (!this.#active) return
    const now = this.#clock.now()
    if (busy) this.#askedAt = now
    const idle = now - this.#askedAt
    for (const taker of takers) {
      for (const [piece, since] of taker.waiting) {
        if (now - since < PATIENCE) break
        taker.waiting.delete(piece)
        this.#release(taker, piece)
      }
      const { session } = taker
      // It can't ask yet: its time to do so begins when it can.
      if (session.amChoking && session.peerInterested && !taker.hasAsked) taker.since = now
      if (passesBy(taker, now)) this.#withdraw(taker)
      if (idle >= IDLE && taker.current === undefined && taker.waiting.size >= taker.window) {
        const rarest = this.#rarest(taker)
        if (rarest !== undefined && (idle >= IDLE_COPIED || this.#copies.count(rarest) === 0)) taker.window *= 2
      }
      this.#show(taker)
    }
  }

  /** Shows everything to everybody: piece by piece, as a bitfield may only come first (BEP 3). */
  end(): void {
    if (!this.#active) return
    this.#active = false
    const takers = [...this.#takers.values()]
    this.#takers.clear()
    this.#bearers.clear()
    for (const taker of takers) {
      const { session } = taker
      const hidden = [...this.#have].filter((piece) => taker.lacks(piece))
      if (hidden.length > MAX_HAVES) session.close(new Error("is to connect again: there is too much to tell"))
      else for (const piece of hidden) session.sendHave(piece)
    }
  }

  /** Counts what a peer has, beside what it was given. */
  #count(taker: Taker, pieces: Bitfield): void {
    taker.seed = pieces.complete
    if (taker.seed) this.#copies.addSeed()
    else this.#copies.addPeer(pieces)
  }

  #uncount(taker: Taker, pieces: Bitfield | undefined): void {
    if (taker.seed) this.#copies.removeSeed()
    else if (pieces !== undefined) this.#copies.removePeer(pieces)
  }

  /** It has what it was given, and says so. */
  #ungive(taker: Taker, piece: number): void {
    taker.given.delete(piece)
    this.#copies.removeHave(piece)
  }

  /** The piece is with another peer: who was given it gets something new. */
  #passedOn(taker: Taker, piece: number): void {
    if (taker.waiting.delete(piece)) {
      taker.window = WINDOW
      this.#release(taker, piece)
    } else if (taker.current === piece && !taker.hasAsked) this.#withdraw(taker)
    else return
    this.#show(taker)
  }

  /** The current piece counts no more, though it may still be asked for. */
  #withdraw(taker: Taker): void {
    if (taker.current === undefined) return
    this.#copies.removeHave(taker.current)
    this.#release(taker, taker.current)
    taker.current = undefined
  }

  /** The peer need not pass the piece on any more. */
  #release(taker: Taker, piece: number): void {
    const bearers = this.#bearers.get(piece)
    bearers?.delete(taker)
    if (bearers?.size === 0) this.#bearers.delete(piece)
  }

  #show(taker: Taker): void {
    if (!this.#active || taker.current !== undefined) return
    // A single peer has nobody to pass anything on to.
    if (taker.waiting.size >= taker.window && this.#takers.size > 1) return
    const piece = this.#rarest(taker)
    if (piece === undefined) return
    taker.current = piece
    taker.since = this.#clock.now()
    taker.shown.add(piece)
    taker.left--
    this.#copies.addHave(piece)
    const bearers = this.#bearers.get(piece)
    if (bearers === undefined) this.#bearers.set(piece, new Set([taker]))
    else bearers.add(taker)
    taker.session.sendHave(piece)
  }

  /**
   * The rarest that is new to the peer. Who has very many of the rarest gets any that it lacks: nobody makes us look
   * through all pieces.
   */
  #rarest(taker: Taker): number | undefined {
    if (taker.left === 0) return undefined
    let looks = 0
    const rarest = this.#copies.rarest((piece) => ++looks > MAX_LOOKS || taker.lacks(piece))
    if (looks <= MAX_LOOKS) return rarest
    return this.#have.firstBeyond(taker.session.pieces ?? taker.shown, (piece) => taker.lacks(piece))
  }

  /** The peer asked for all of the piece: perhaps late, when it was withdrawn, and so is with others, too. */
  #give(taker: Taker, piece: number): void {
    taker.asked.delete(piece)
    taker.given.add(piece)
    this.#fullCopy.gave(piece)
    if (piece !== taker.current) {
      this.#copies.addHave(piece)
      return
    }
    taker.current = undefined
    taker.waiting.set(piece, this.#clock.now())
    this.#show(taker)
  }
}

/** It takes no notice of the piece that it was shown. */
function passesBy({ session, current, since, hasAsked }: Taker, now: number): boolean {
  if (current === undefined) return false
  if (!session.peerInterested) return now - since >= UNINTERESTED
  return !hasAsked && !session.amChoking && now - since >= PATIENCE
}
