import { Bitfield } from "../../bytes/bitfield.js"
import { BLOCK_LENGTH, type TorrentLayout } from "../../metainfo/layout.js"
import { Availability } from "../../picker/availability.js"
import type { Clock } from "../../ports/clock.js"
import type { Random } from "../../ports/random.js"
import { networkOf } from "../network-of.js"
import type { PeerSource } from "../peer-source.js"
import { FullCopy } from "./full-copy.js"

/** Pieces of a peer that may wait to be seen at another one: while one is passed on, the next is on its way. */
const WINDOW = 2
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

/** What one peer was shown. */
interface Shown {
  /** Where the peer is: those of one network may be one. */
  readonly network: string
  readonly pieces: Bitfield
  /** How many it was not shown and does not have. */
  left: number
  /** It counts among the copies as one that has everything. */
  seed: boolean
  /** Those it asked us for in whole and did not say it has: it has them, or soon, and many don't tell us what we have, too. */
  readonly given: Bitfield
  /** The one it is to ask for now. */
  current: number | undefined
  /** When it was shown the current one, ms. */
  since: number
  /** Of the pieces that it was shown and does not have yet: the blocks that it asked for. */
  readonly asked: Map<number, Bitfield>
  /** Those given that were not seen at another peer yet, and since when, ms. */
  readonly waiting: Map<number, number>
  /** How many may wait. */
  window: number
}

/**
 * Super-seeding (BEP 16): passes for a peer without data, and shows each peer one piece at a time, the rarest; the next
 * when it was seen that a piece was passed on. So the first seed gives little more than one copy. It ends when another says
 * that it has a full copy, and there is more than its word for it. Pure: it shows pieces by the peers' sessions, and the clock's time is all it takes from outside.
 */
export class SuperSeeding {
  readonly #layout: TorrentLayout
  readonly #clock: Clock
  readonly #have: Bitfield
  readonly #peers = new Map<PeerSource, Shown>()
  /** Pieces → the peers that are to pass them on: it is their current one, or among those that wait to be seen elsewhere. */
  readonly #bearers = new Map<number, Set<PeerSource>>()
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
    const count = this.#layout.pieceCount
    this.#peers.set(peer, {
      network: networkOf(peer.session.remote.host),
      pieces: new Bitfield(count),
      left: count,
      seed: false,
      given: new Bitfield(count),
      current: undefined,
      since: this.#clock.now(),
      asked: new Map(),
      waiting: new Map(),
      window: WINDOW,
    })
  }

  /** The peer says what it has, and had said `previous` before. It is shown the next piece with the next tick. */
  pieces(peer: PeerSource, previous: Bitfield | undefined): void {
    const shown = this.#peers.get(peer)
    const { pieces } = peer.session
    if (shown === undefined || pieces === undefined) return
    this.#uncount(shown, previous)
    this.#count(shown, pieces)
    if (shown.current !== undefined && pieces.has(shown.current)) this.#withdraw(peer, shown)
    for (const piece of shown.asked.keys()) if (pieces.has(piece)) shown.asked.delete(piece)
    for (const piece of shown.given) if (pieces.has(piece)) this.#ungive(shown, piece)
    shown.left = pieces.length - pieces.count
    for (const piece of shown.pieces) if (!pieces.has(piece)) shown.left--
    for (const [other, theirs] of this.#peers) {
      if (other === peer) continue
      for (const piece of theirs.waiting.keys()) if (pieces.has(piece)) this.#passedOn(other, theirs, piece)
    }
  }

  /** The peer has one more piece. If it was the current one, it is shown the next with the next tick. */
  have(peer: PeerSource, piece: number): void {
    const shown = this.#peers.get(peer)
    if (shown === undefined) return
    this.#copies.addHave(piece)
    if (shown.current === piece) this.#withdraw(peer, shown)
    shown.asked.delete(piece)
    if (shown.given.has(piece)) this.#ungive(shown, piece)
    if (!shown.pieces.has(piece)) shown.left--
    for (const other of this.#bearers.get(piece) ?? []) {
      if (other !== peer) this.#passedOn(other, this.#peers.get(other)!, piece)
    }
  }

  /** The peer has one piece less. */
  dontHave(peer: PeerSource, piece: number): void {
    const shown = this.#peers.get(peer)
    if (shown === undefined) return
    if (shown.seed) {
      this.#uncount(shown, undefined)
      this.#count(shown, peer.session.pieces!)
    } else this.#copies.removeHave(piece)
    if (!shown.pieces.has(piece)) shown.left++
  }

  forget(peer: PeerSource): void {
    const shown = this.#peers.get(peer)
    if (shown === undefined) return
    this.#peers.delete(peer)
    this.#uncount(shown, peer.session.pieces)
    this.#copies.removePeer(shown.given)
    this.#withdraw(peer, shown)
    for (const piece of shown.waiting.keys()) this.#release(peer, piece)
  }

  /** What the peer may ask for. */
  shownTo(peer: PeerSource): Bitfield | undefined {
    return this.#peers.get(peer)?.pieces
  }

  /** The peer asks for a part of a piece. @returns whether it may */
  asks(peer: PeerSource, piece: number, begin: number, length: number): boolean {
    const shown = this.#peers.get(peer)
    if (shown === undefined || !shown.pieces.has(piece)) return false
    this.#askedAt = this.#clock.now()
    if (shown.given.has(piece) || peer.session.pieces?.has(piece)) return true
    if (this.#ask(shown, piece, begin, length)) this.#give(peer, shown, piece)
    return true
  }

  /** To be called every 250 ms. `busy`: something is being given. */
  tick(busy: boolean): void {
    if (!this.#have.complete || this.#fullCopy.isAmong(this.#peers)) this.end()
    if (!this.#active) return
    const now = this.#clock.now()
    if (busy) this.#askedAt = now
    const idle = now - this.#askedAt
    for (const [peer, shown] of this.#peers) {
      for (const [piece, since] of shown.waiting) {
        if (now - since < PATIENCE) break
        shown.waiting.delete(piece)
        this.#release(peer, piece)
      }
      // It can't ask yet: its time to do so begins when it can.
      if (peer.session.amChoking && peer.session.peerInterested && !hasAsked(shown)) shown.since = now
      if (this.#passesBy(peer, shown, now)) this.#withdraw(peer, shown)
      if (idle >= IDLE && shown.current === undefined && shown.waiting.size >= shown.window) {
        const rarest = this.#rarest(peer, shown)
        if (rarest !== undefined && (idle >= IDLE_COPIED || this.#copies.count(rarest) === 0)) shown.window *= 2
      }
      this.#show(peer, shown)
    }
  }

  /** Shows everything to everybody: piece by piece, as a bitfield may only come first (BEP 3). */
  end(): void {
    if (!this.#active) return
    this.#active = false
    const peers = [...this.#peers]
    this.#peers.clear()
    this.#bearers.clear()
    for (const [{ session }, { pieces }] of peers) {
      const hidden = [...this.#have].filter((piece) => !pieces.has(piece) && !session.pieces?.has(piece))
      if (hidden.length > MAX_HAVES) session.close(new Error("is to connect again: there is too much to tell"))
      else for (const piece of hidden) session.sendHave(piece)
    }
  }

  /** Counts what a peer has, beside what it was given. */
  #count(shown: Shown, pieces: Bitfield): void {
    shown.seed = pieces.complete
    if (shown.seed) this.#copies.addSeed()
    else this.#copies.addPeer(pieces)
  }

  #uncount(shown: Shown, pieces: Bitfield | undefined): void {
    if (shown.seed) this.#copies.removeSeed()
    else if (pieces !== undefined) this.#copies.removePeer(pieces)
  }

  /** It has what it was given, and says so. */
  #ungive(shown: Shown, piece: number): void {
    shown.given.delete(piece)
    this.#copies.removeHave(piece)
  }

  /** The piece is with another peer: who was given it gets something new. */
  #passedOn(peer: PeerSource, shown: Shown, piece: number): void {
    if (shown.waiting.delete(piece)) {
      shown.window = WINDOW
      this.#release(peer, piece)
    } else if (shown.current === piece && !hasAsked(shown)) this.#withdraw(peer, shown)
    else return
    this.#show(peer, shown)
  }

  /** It takes no notice of the piece that it was shown. */
  #passesBy({ session }: PeerSource, shown: Shown, now: number): boolean {
    const { current, since } = shown
    if (current === undefined) return false
    if (!session.peerInterested) return now - since >= UNINTERESTED
    return !hasAsked(shown) && !session.amChoking && now - since >= PATIENCE
  }

  /** The current piece counts no more, though it may still be asked for. */
  #withdraw(peer: PeerSource, shown: Shown): void {
    if (shown.current === undefined) return
    this.#copies.removeHave(shown.current)
    this.#release(peer, shown.current)
    shown.current = undefined
  }

  /** The peer need not pass the piece on any more. */
  #release(peer: PeerSource, piece: number): void {
    const bearers = this.#bearers.get(piece)
    bearers?.delete(peer)
    if (bearers?.size === 0) this.#bearers.delete(piece)
  }

  #show(peer: PeerSource, shown: Shown): void {
    if (!this.#active || shown.current !== undefined) return
    // A single peer has nobody to pass anything on to.
    if (shown.waiting.size >= shown.window && this.#peers.size > 1) return
    const piece = this.#rarest(peer, shown)
    if (piece === undefined) return
    shown.current = piece
    shown.since = this.#clock.now()
    shown.pieces.add(piece)
    shown.left--
    this.#copies.addHave(piece)
    const bearers = this.#bearers.get(piece)
    if (bearers === undefined) this.#bearers.set(piece, new Set([peer]))
    else bearers.add(peer)
    peer.session.sendHave(piece)
  }

  /**
   * The rarest that is new to the peer. Who has very many of the rarest gets any that it lacks: nobody makes us look
   * through all pieces.
   */
  #rarest({ session }: PeerSource, shown: Shown): number | undefined {
    if (shown.left === 0) return undefined
    const isNew = (piece: number): boolean => !shown.pieces.has(piece) && session.pieces?.has(piece) !== true
    let looks = 0
    const rarest = this.#copies.rarest((piece) => ++looks > MAX_LOOKS || isNew(piece))
    return looks > MAX_LOOKS ? this.#have.firstBeyond(session.pieces ?? shown.pieces, isNew) : rarest
  }

  /**
   * Blocks that are asked for in whole, each once: who asks again and again for one gets nothing new for it.
   * @returns whether that were all of the piece
   */
  #ask({ asked }: Shown, piece: number, begin: number, length: number): boolean {
    const blocks = asked.get(piece) ?? new Bitfield(this.#layout.blockCount(piece))
    asked.set(piece, blocks)
    const end = begin + length
    const last = end === this.#layout.pieceSize(piece) ? blocks.length : Math.floor(end / BLOCK_LENGTH)
    for (let block = Math.ceil(begin / BLOCK_LENGTH); block < last; block++) blocks.add(block)
    return blocks.complete
  }

  /** The peer asked for all of the piece: perhaps late, when it was withdrawn, and so is with others, too. */
  #give(peer: PeerSource, shown: Shown, piece: number): void {
    shown.asked.delete(piece)
    shown.given.add(piece)
    this.#fullCopy.gave(piece)
    if (piece !== shown.current) {
      this.#copies.addHave(piece)
      return
    }
    shown.current = undefined
    shown.waiting.set(piece, this.#clock.now())
    this.#show(peer, shown)
  }
}

/** Whether it asked for any block of the piece that it was shown last. */
function hasAsked({ current, asked }: Shown): boolean {
  return current !== undefined && (asked.get(current)?.count ?? 0) > 0
}
