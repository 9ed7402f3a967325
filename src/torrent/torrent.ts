import { Bitfield } from "../bytes/bitfield.js"
import { type AtError, abortError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import type { Timer } from "../ports/clock.js"
import type { ByteStream, Endpoint } from "../ports/net.js"
import type { PieceStore } from "../storage/piece-store.js"
import type { TrackerStatus } from "../tracker/tracker-entry.js"
import { assemble, type TorrentParts } from "./assemble.js"
import { Completion } from "./completion.js"
import type { PeerOrigin } from "./finding/peer-book.js"
import { inherit } from "./inherit.js"
import { noSources } from "./no-sources.js"
import type { IntakeHost } from "./receiving/intake.js"
import { Soon } from "./soon.js"
import type { ProgressSnapshot, TorrentState } from "./statistics/progress.js"
import type { TorrentStats } from "./statistics/torrent-stats.js"
import type { Swarm } from "./swarm.js"
import type { TorrentOptions } from "./torrent-options.js"

/** The one timer of a torrent, ms. */
const TICK = 250
/** A tick that comes so late, ms: we were suspended (Ctrl-Z, a machine asleep), and have not read yet what came meanwhile. */
const SUSPENDED = 1000
/** Peers asked for in an announce. */
const NUM_WANT = 100

/**
 * One torrent at work. It owns all that changes about the torrent; everything happens inside run-to-completion handlers
 * of the parts below, on one thread. One tick drives all that depends on time.
 */
export class Torrent implements IntakeHost {
  readonly metainfo: Metainfo
  readonly store: PieceStore
  readonly #o: TorrentOptions
  readonly #p: TorrentParts
  readonly #completion = new Completion()
  #state: TorrentState = "stopped"
  /** Why it ended, once it has. */
  #error: AtError | undefined
  #timer: Timer | undefined
  readonly #wakeSoon = new Soon(() => this.#wake())

  constructor(options: TorrentOptions) {
    this.#o = options
    this.metainfo = options.metainfo
    this.store = options.store
    this.#p = assemble(options, {
      intake: this,
      toFetch: this.#toFetch(),
      numWant: () => (this.#wantsPeers ? NUM_WANT : 0),
      onPeers: (endpoints, origin, v2) => this.#addPeers(endpoints, origin, v2),
      onReaderWaits: () => this.#wake(),
      onLost: (piece) => this.#lost(piece),
    })
  }

  get state(): TorrentState {
    return this.#state
  }

  /** Payload bytes received since the start. */
  get fetchedBytes(): number {
    return this.#p.totals.downloaded
  }

  /** Payload bytes given since the start. */
  get givenBytes(): number {
    return this.#p.uploads.uploaded
  }

  /** Goes to work. */
  start(): void {
    this.#state = this.#p.table.remaining > 0 ? "downloading" : this.#o.seed ? "seeding" : "complete"
    this.#p.stats.start(this.#state === "downloading")
    this.#p.announcer.start()
    inherit({ ...this.#o, ...this.#p })
    this.#addPeers(this.#o.peers, "user")
    this.#p.webSeeds.startRuns()
    this.#tick()
  }

  /** Takes an accepted connection; false when it is not wanted. */
  accept(stream: ByteStream, received: Uint8Array): ReturnType<Swarm["accept"]> {
    return this.#state === "stopped" ? undefined : this.#p.swarm.accept(stream, received)
  }

  /** Resolves when all wanted pieces are verified and on disk. Rejects with the AtError that made it impossible. */
  whenComplete(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#p.table.remaining === 0) return Promise.resolve()
    return this.#completion.wait()
  }

  /** Verified bytes of the torrent from `offset` on, fetched if need be. Rejects with AtError. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (this.#error !== undefined) throw this.#error
    return this.#p.readers.read(offset, length, signal)
  }

  /** Another selection of files. What is there of them is taken in, and what nobody wants any more is given up. */
  async select(selected: ReadonlySet<number>): Promise<void> {
    if (this.#error !== undefined) throw this.#error
    try {
      await this.store.select(selected)
    } finally {
      this.#followSelection()
    }
  }

  snapshot(): ProgressSnapshot {
    return this.#p.statistics.snapshot(this.#state, this.#o.platform.clock.now())
  }

  /** Where the time went. */
  stats(): TorrentStats {
    return this.#p.stats.snapshot()
  }

  trackerStatus(): readonly TrackerStatus[] {
    return this.#p.announcer.status()
  }

  /** Milliseconds since something last arrived (or since the start). */
  get idleTime(): number {
    return this.#o.platform.clock.now() - this.#p.totals.lastArrival
  }

  /**
   * Stops for good: ends all transfers, lets full pieces reach the disk, tells trackers (5 s at most), closes the store.
   */
  async stop(): Promise<void> {
    this.#end("stopped", abortError())
    const announced = this.#p.announcer.stop()
    await this.#p.intake.idle()
    await this.store.close()
    await announced
  }

  onBlockKept(block: number, source: number, copies: number): void {
    this.#p.culprits.gave(source)
    if (copies > 0) this.#p.swarm.cancelCopies(block)
  }

  onPieceStored(piece: number): void {
    this.#p.tally.stored(piece)
    this.#p.readers.stored(piece)
    this.#p.webSeeds.pieceStored(piece)
    this.#p.swarm.announceHave(piece)
    this.#finishIfDone()
  }

  onPieceCorrupt(piece: number, size: number): void {
    this.#p.totals.corruptBytes += size
    this.#p.leafCheck?.rejected(piece)
    this.#o.platform.log.log("info", "torrent", `piece ${piece} did not verify and is fetched again`)
    // While it was hashed, peers were told perhaps that we want nothing more of them.
    this.#wakeSoon.ask()
  }

  onGuilty(source: number, piece: number): void {
    this.#p.culprits.convict(source, piece)
  }

  onFault(error: AtError): void {
    this.#giveUp(error)
  }

  onMemoryFreed(): void {
    if (this.#state !== "downloading") return
    this.#p.webSeeds.memoryFreed()
    this.#p.swarm.fillAll()
  }

  /** `due`: when it should have been, clock ms; undefined where that is not known. */
  #tick(due?: number): void {
    const { clock } = this.#o.platform
    const now = clock.now()
    const late = now - (due ?? now)
    const suspended = late >= SUSPENDED
    // However busy the machine is, no more than one tick in two is left out.
    this.#timer = clock.after(TICK, () => this.#tick(suspended ? undefined : now + TICK))
    this.#p.statistics.tick(now)
    if (due !== undefined) this.#p.stats.tick(late)
    // Nobody is to be judged by a silence that was ours.
    if (suspended) return
    this.#wakeSoon.tick()
    this.#p.swarm.tick(now)
    this.#p.peerSupply.tick({ now, wantsPeers: this.#wantsPeers, downloading: this.#state === "downloading" })
    this.#finishIfDone()
    if (this.#state !== "downloading") return
    this.#p.webSeeds.tick()
    if (this.#p.relief.relieve(now)) this.onMemoryFreed()
    if (this.#p.swarm.connectedCount === 0 && this.#p.webSeeds.activeCount === 0) this.#p.peerSupply.soon()
    this.#failWithoutSources()
  }

  #finishIfDone(): void {
    if (this.#p.table.remaining > 0 || this.#state !== "downloading") return
    this.#state = this.#o.seed ? "seeding" : "complete"
    this.#p.stats.pause()
    this.#p.webSeeds.endRuns()
    this.#p.swarm.finished()
    if (this.#p.table.have.complete) this.#p.announcer.completed()
    this.#completion.reached()
  }

  /** Other pieces are wanted than before, where there was nothing to fetch perhaps. */
  #wake(): void {
    if (this.#p.table.remaining === 0 || this.#state === "stopped" || this.#state === "failed") return
    if (this.#state !== "downloading") {
      this.#state = "downloading"
      this.#p.stats.resume()
      // Nobody waited until now.
      this.#p.totals.lastArrival = this.#o.platform.clock.now()
    }
    this.#p.swarm.reconsider()
    this.#p.webSeeds.startRuns()
  }

  #followSelection(): void {
    const { have, wanted } = this.store
    for (const piece of have) {
      if (!this.#p.table.found(piece)) continue
      this.#p.readers.stored(piece)
      this.#p.swarm.announceHave(piece)
    }
    this.#p.table.select(this.#toFetch())
    this.#p.tally.select(wanted)
    this.#dropUnwanted()
    this.#wake()
    this.#finishIfDone()
  }

  #dropUnwanted(): void {
    this.#p.picker.dropUnwanted((block) => this.#p.swarm.cancelCopies(block))
    this.#p.webSeeds.dropUnwanted()
  }

  #giveUp(error: AtError): void {
    if (this.#error !== undefined) return
    this.#end("failed", error)
    const { log } = this.#o.platform
    this.#p.announcer.stop().catch((fault: unknown) => log.log("warn", "torrent", `no goodbye: ${String(fault)}`))
  }

  /** Ends all transfers. */
  #end(state: "stopped" | "failed", error: AtError): void {
    this.#state = state
    this.#error ??= error
    this.#p.stats.end()
    this.#timer?.cancel()
    this.#p.webSeeds.close()
    this.#p.discoveries.close()
    this.#p.swarm.close()
    this.#p.readers.fail(this.#error)
    this.#completion.failed(this.#error)
  }

  /** While it gives, too; and while nothing is selected yet, because a reader may come. */
  get #wantsPeers(): boolean {
    if (this.#state === "downloading" || this.#state === "seeding") return true
    return this.#state === "complete" && this.#o.fetch && this.store.wanted.count === 0
  }

  #failWithoutSources(): void {
    const error = noSources({ ...this.#p, reach: this.#o.platform.reach })
    if (error === undefined) return
    if (!this.#p.table.selectionComplete) {
      this.#giveUp(error)
      return
    }
    // Only readers wait: what is there is given all the same.
    this.#p.readers.fail(error)
    this.#dropUnwanted()
    this.#finishIfDone()
  }

  #addPeers(endpoints: readonly Endpoint[], origin: PeerOrigin, v2 = false): void {
    this.#p.peerSupply.add(endpoints, { origin, v2, now: this.#o.platform.clock.now() })
    if (this.#state === "downloading" || origin === "user") this.#p.swarm.connectMore()
  }

  #lost(piece: number): void {
    if (!this.#p.table.lost(piece)) return
    this.#p.tally.lost(piece)
    this.#p.swarm.announceLoss(piece)
    this.#p.uploads.lost(piece)
    // With a file, thousands are lost in one turn.
    this.#wakeSoon.ask()
  }

  /** What is to be fetched without a reader's asking. */
  #toFetch(): Bitfield {
    return this.#o.fetch ? this.store.wanted : new Bitfield(this.metainfo.layout.pieceCount)
  }
}
