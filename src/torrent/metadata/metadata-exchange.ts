import { type MetadataData, type MetadataMessage, metadataPieceLength } from "../../wire/metadata-message.js"
import { MetadataAttempt } from "./metadata-attempt.js"

/** ms without an answer until a piece is asked of somebody else (aria2: 20 s). */
const REQUEST_TIMEOUT = 20_000
/** A peer that lets so many requests in a row pass without an answer is given up. */
const MAX_TIMEOUTS = 3
/** ms that a peer is left alone after a refusal: at first, and at most (libtorrent: 60 s). It doubles in between. */
const FIRST_REST = 5_000
const LONGEST_REST = 60_000
/** A peer that refuses so many times in a row, 75 s long, is let go: by then a limit for each minute would have let us have some. */
const MAX_REFUSALS = 5
/** Answers to no request that are forgiven: they may be late. */
const MAX_STRAYS = 64
/**
 * Bytes held of unverified metadata, of all attempts together: two of the largest that are taken
 * (`MAX_METADATA_LENGTH` of `wire/extension.ts`).
 */
const MAX_HELD = 64 << 20
/** Peers that are tried alone at a time; one more after so many ms: those may be slow on purpose. */
const ALONE = 2
const ALONE_PATIENCE = 15_000

/** What the exchange needs of its owner. */
export interface MetadataExchangeHost<Peer> {
  /** Sends a request. */
  ask(peer: Peer, piece: number): void
  /** It lies, or does not answer: it takes no part any more. */
  drop(peer: Peer, reason: string): void
  /** It goes on refusing: it takes no part until it is connected again. */
  letGo(peer: Peer, reason: string): void
  /** Whether this is the metadata that is looked for. */
  matches(metadata: Uint8Array): boolean
  /** It is there. Called once. */
  onMetadata(metadata: Uint8Array): void
}

interface Giver<Peer> {
  readonly peer: Peer
  readonly size: number
  /** Pieces that may be asked of it at a time. */
  readonly depth: number
  attempt: MetadataAttempt<Peer> | undefined
  /** Piece → time of the request, ms. */
  readonly asked: Map<number, number>
  restsUntil: number
  refusals: number
  timeouts: number
  strays: number
}

/**
 * Gets metadata from peers (BEP 9), several at a time, some of whom lie. All who name one size work together at first.
 * When what they gave does not match, nobody knows who lied: from then on each of them gives all of it alone, and the
 * first that is right ends it. So no liar can do more than delay. Pure: time and peers come from outside.
 */
export class MetadataExchange<Peer> {
  readonly #host: MetadataExchangeHost<Peer>
  readonly #givers = new Map<Peer, Giver<Peer>>()
  /** By size. */
  readonly #shared = new Map<number, MetadataAttempt<Peer>>()
  /** Sizes at which something wrong came together. */
  readonly #suspect = new Set<number>()
  #done = false

  constructor(host: MetadataExchangeHost<Peer>) {
    this.#host = host
  }

  /** Peers that say they have it. */
  get giverCount(): number {
    return this.#givers.size
  }

  /** Each of them has refused, when last asked. */
  get refused(): boolean {
    return [...this.#givers.values()].every(({ refusals }) => refusals > 0)
  }

  /** How far the attempt is that is furthest. */
  get progress(): { readonly size: number; readonly received: number; readonly pieceCount: number } {
    let best: MetadataAttempt<Peer> | undefined
    for (const attempt of this.#attempts()) if (best === undefined || attempt.received > best.received) best = attempt
    return best ?? { size: 0, received: 0, pieceCount: 0 }
  }

  /** A peer says that it has the metadata, of `size` bytes. It is asked for up to `depth` pieces at a time. */
  offered(peer: Peer, size: number, depth: number, now: number): void {
    const known = this.#givers.get(peer)
    if (this.#done || known?.size === size) return
    if (known !== undefined) {
      this.#drop(known, `its metadata has ${known.size} bytes, and then ${size}`)
      return
    }
    const giver: Giver<Peer> = {
      peer,
      size,
      depth,
      attempt: undefined,
      asked: new Map(),
      restsUntil: now,
      refusals: 0,
      timeouts: 0,
      strays: 0,
    }
    this.#givers.set(peer, giver)
    this.#fill(giver, now)
  }

  /** The peer is gone. */
  left(peer: Peer, now: number): void {
    const giver = this.#givers.get(peer)
    if (giver === undefined) return
    this.#forget(giver)
    const shared = this.#shared.get(giver.size)
    if (shared?.held === 0 && ![...this.#givers.values()].some(({ attempt }) => attempt === shared)) {
      this.#shared.delete(giver.size)
    }
    this.#fillAll(now)
  }

  /** An answer came. @returns whether it brought a piece that was missing */
  onMessage(peer: Peer, message: MetadataMessage, now: number): boolean {
    const giver = this.#givers.get(peer)
    if (this.#done || giver === undefined || message.kind === "request") return false
    const { attempt } = giver
    const { piece } = message
    if (attempt === undefined || !giver.asked.has(piece)) {
      if (++giver.strays > MAX_STRAYS) this.#drop(giver, "it answers requests that were never made")
      return false
    }
    this.#unask(giver, piece)
    if (message.kind === "data") return this.#onData(giver, attempt, message, now)
    // What was asked for together is refused together: that counts once.
    if (giver.restsUntil <= now) {
      giver.restsUntil = now + Math.min(LONGEST_REST, FIRST_REST * 2 ** giver.refusals)
      giver.refusals++
    }
    if (giver.refusals >= MAX_REFUSALS) this.#letGo(giver)
    this.#fillAll(now)
    return false
  }

  /** Time-outs, and whoever has rested. To be called every 250 ms. */
  tick(now: number): void {
    for (const giver of [...this.#givers.values()]) {
      const late = [...giver.asked].filter(([, since]) => now - since >= REQUEST_TIMEOUT)
      for (const [piece] of late) this.#unask(giver, piece)
      giver.timeouts += late.length
      if (giver.timeouts >= MAX_TIMEOUTS) this.#drop(giver, "it does not give the metadata that it says it has")
    }
    this.#fillAll(now)
  }

  #onData(
    giver: Giver<Peer>,
    attempt: MetadataAttempt<Peer>,
    { piece, totalSize, bytes }: MetadataData,
    now: number,
  ): boolean {
    if (totalSize !== undefined && totalSize !== attempt.size) {
      this.#drop(giver, `its metadata has ${attempt.size} bytes, and then ${totalSize}`)
      return false
    }
    if (bytes.length !== metadataPieceLength(attempt.size, piece)) {
      this.#drop(giver, `a piece of metadata with ${bytes.length} bytes`)
      return false
    }
    giver.timeouts = giver.refusals = 0
    const before = attempt.received
    attempt.take(piece, bytes, giver.peer)
    const isNew = attempt.received > before
    if (attempt.complete) this.#judge(attempt)
    else this.#bound()
    this.#fillAll(now)
    return isNew
  }

  #judge(attempt: MetadataAttempt<Peer>): void {
    const metadata = attempt.join()
    if (this.#host.matches(metadata)) {
      this.#done = true
      this.#shared.clear()
      this.#givers.clear()
      this.#host.onMetadata(metadata)
      return
    }
    this.#abandon(attempt)
    const [first, ...others] = attempt.givers
    const only = first === undefined ? undefined : this.#givers.get(first)
    if (others.length > 0) this.#suspect.add(attempt.size)
    else if (only !== undefined) this.#drop(only, "its metadata is not what the infohash names")
  }

  /** Too much memory is held: the attempt goes that the fewest believe in. */
  #bound(): void {
    const attempts = [...this.#attempts()]
    if (attempts.reduce((sum, { held }) => sum + held, 0) <= MAX_HELD) return
    const believers = (attempt: MetadataAttempt<Peer>): number =>
      [...this.#givers.values()].filter((giver) => giver.attempt === attempt).length
    const [least] = attempts
      .map((attempt) => ({ attempt, count: believers(attempt) }))
      .sort((a, b) => a.count - b.count || b.attempt.held - a.attempt.held)
    if (least !== undefined) this.#abandon(least.attempt)
  }

  /** What was gathered is given up; its givers are free for another. */
  #abandon(attempt: MetadataAttempt<Peer>): void {
    if (this.#shared.get(attempt.size) === attempt) this.#shared.delete(attempt.size)
    for (const giver of this.#givers.values()) {
      if (giver.attempt !== attempt) continue
      giver.asked.clear()
      giver.attempt = undefined
    }
  }

  #fillAll(now: number): void {
    for (const giver of [...this.#givers.values()]) this.#fill(giver, now)
  }

  #fill(giver: Giver<Peer>, now: number): void {
    if (this.#done || giver.restsUntil > now) return
    giver.attempt ??= this.#attemptFor(giver, now)
    const { attempt } = giver
    while (attempt !== undefined && giver.asked.size < giver.depth) {
      const piece = attempt.next(giver.asked)
      if (piece === undefined) return
      attempt.asked(piece)
      giver.asked.set(piece, now)
      this.#host.ask(giver.peer, piece)
    }
  }

  #attemptFor({ size }: Giver<Peer>, now: number): MetadataAttempt<Peer> | undefined {
    if (!this.#suspect.has(size)) {
      const shared = this.#shared.get(size) ?? new MetadataAttempt<Peer>(size, now)
      this.#shared.set(size, shared)
      return shared
    }
    const alone = [...this.#attempts()].filter((attempt) => attempt.size === size)
    const patient = alone.some(({ began }) => now - began < ALONE_PATIENCE)
    return alone.length >= ALONE && patient ? undefined : new MetadataAttempt<Peer>(size, now)
  }

  #drop(giver: Giver<Peer>, reason: string): void {
    this.#forget(giver)
    this.#host.drop(giver.peer, reason)
  }

  #letGo(giver: Giver<Peer>): void {
    this.#forget(giver)
    this.#host.letGo(giver.peer, "it refuses the metadata that it says it has")
  }

  #forget(giver: Giver<Peer>): void {
    for (const piece of [...giver.asked.keys()]) this.#unask(giver, piece)
    this.#givers.delete(giver.peer)
  }

  #unask(giver: Giver<Peer>, piece: number): void {
    if (giver.asked.delete(piece)) giver.attempt?.unasked(piece)
  }

  *#attempts(): Generator<MetadataAttempt<Peer>> {
    const seen = new Set<MetadataAttempt<Peer>>(this.#shared.values())
    for (const { attempt } of this.#givers.values()) if (attempt !== undefined) seen.add(attempt)
    yield* seen
  }
}
