import { type AtError, abortError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import type { Timer } from "../ports/clock.js"
import type { ByteStream, Endpoint } from "../ports/net.js"
import type { PieceStore } from "../storage/piece-store.js"
import { assemble, type TorrentParts } from "./assemble.js"
import { Completion } from "./completion.js"
import { CurrentPurpose } from "./current-purpose.js"
import type { PeerOrigin } from "./finding/peer-book.js"
import { inherit } from "./inherit.js"
import { noSources } from "./no-sources.js"
import type { IntakeHost } from "./receiving/intake.js"
import { Soon } from "./soon.js"
import type { ProgressSnapshot, TorrentState } from "./statistics/progress.js"
import type { TorrentStats } from "./statistics/torrent-stats.js"
import type { Swarm } from "./swarm.js"
import type { Purpose, Sources, TorrentOptions } from "./torrent-options.js"

/** Between two ticks, ms. */
const TICK = 250
/** A tick that comes so late, ms: we were suspended (Ctrl-Z, a machine asleep), and have not read yet what came meanwhile. */
const SUSPENDED = 1000
/** Peers asked for in an announce. */
const NUM_WANT = 100

/**
 * One torrent at work. It owns all that changes about the torrent; everything happens inside run-to-completion handlers
 * of the parts below, on one thread. One tick drives what depends on time, but for single waits.
 */
export class Torrent implements IntakeHost {
  readonly metainfo: Metainfo
  readonly store: PieceStore
  readonly #options: TorrentOptions
  readonly #parts: TorrentParts
  readonly #completion = new Completion()
  readonly #purpose: CurrentPurpose
  #state: TorrentState = "stopped"
  /** Why it ended, once it has. */
  #error: AtError | undefined
  #timer: Timer | undefined
  readonly #wakeSoon = new Soon(() => this.#wake())

  constructor(options: TorrentOptions) {
    this.#options = options
    this.metainfo = options.metainfo
    this.store = options.store
    this.#purpose = new CurrentPurpose(options, options.store)
    this.#parts = assemble(options, {
      intake: this,
      purpose: this.#purpose,
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
    return this.#parts.totals.downloaded
  }

  /** Payload bytes given since the start. */
  get givenBytes(): number {
    return this.#parts.uploads.uploaded
  }

  /** Goes to work. */
  start(): void {
    if (this.#purpose.seed) this.#options.onSeed()
    this.#state = this.#parts.table.remaining > 0 ? "downloading" : this.#purpose.otherwise
    this.#parts.stats.start(this.#state === "downloading")
    this.#parts.announcer.start()
    inherit({ ...this.#options, ...this.#parts })
    this.#addPeers(this.#options.peers, "user")
    this.#parts.webSeedRuns.startRuns()
    this.#tick()
  }

  /** It is at work for this from now on, beside what it is at work for already. @throws AtError what ended it */
  want({ fetch, seed }: Purpose): void {
    if (this.#error !== undefined) throw this.#error
    if (fetch && !this.#purpose.fetch) {
      this.#purpose.fetch = true
      this.#parts.table.select(this.#purpose.pieces)
      this.#wake()
    }
    if (seed && !this.#purpose.seed) {
      this.#purpose.seed = true
      this.#options.onSeed()
      if (this.#state !== "complete") return
      this.#state = "seeding"
      this.#parts.announcer.announceSoon()
      this.#parts.swarm.connectMore()
    }
  }

  /** It asks these, too, from now on. */
  addSources({ trackers, webSeeds, urls, peers }: Omit<Sources, "unusable">): void {
    this.#parts.announcer.add(trackers)
    this.#parts.webSeeds.add(webSeeds, urls)
    this.#addPeers(peers, "user")
  }

  /** Whether a connection comes from one of these addresses of ours. */
  isConnectedFrom(hosts: ReadonlySet<string>): boolean {
    return this.#parts.swarm.connectedFrom(hosts).length > 0
  }

  /** This machine has other addresses than before, and `lost` no more. `elsewhere`: it seems to be in another network. */
  moved(lost: ReadonlySet<string>, elsewhere: boolean): void {
    if (this.#state === "stopped" || this.#state === "failed") return
    this.#parts.peerSupply.moved(elsewhere)
    this.#parts.swarm.moved(lost)
  }

  /** Takes an accepted connection; undefined when it is not wanted. */
  accept(stream: ByteStream, received: Uint8Array): ReturnType<Swarm["accept"]> {
    return this.#state === "stopped" ? undefined : this.#parts.swarm.accept(stream, received)
  }

  /** Resolves when all wanted pieces are verified and on disk. Rejects with the AtError that made it impossible. */
  whenComplete(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#parts.table.remaining === 0) return Promise.resolve()
    return this.#completion.wait()
  }

  /** Verified bytes of the torrent from `offset` on, fetched if need be. Rejects with AtError. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#error !== undefined) throw this.#error
    return this.#parts.readers.read(offset, length, signal)
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
    return this.#parts.statistics.snapshot(this.#state, this.#options.platform.clock.now())
  }

  /** Where the time went. */
  stats(): TorrentStats {
    return this.#parts.stats.snapshot()
  }

  /** Milliseconds since something last arrived (or since the start). */
  get idleTime(): number {
    return this.#options.platform.clock.now() - this.#parts.totals.lastArrival
  }

  /** Why nothing arrives, however short it has been so; a snapshot gives a reason only after a while. */
  waitingFor(): string {
    return this.#parts.statistics.waitingFor(this.#options.platform.clock.now())
  }

  /**
   * Stops for good: ends all transfers, lets full pieces reach the disk, tells trackers (5 s at most), closes the store.
   */
  async stop(): Promise<void> {
    this.#end("stopped", abortError())
    const announced = this.#parts.announcer.stop()
    await this.#parts.intake.idle()
    await this.store.close()
    await announced
  }

  onBlockKept(block: number, source: number, copies: number): void {
    this.#parts.culprits.gave(source)
    if (copies > 0) this.#parts.swarm.cancelCopies(block)
  }

  onPieceStored(piece: number): void {
    this.#parts.tally.stored(piece)
    this.#parts.readers.stored(piece)
    this.#parts.webSeedRuns.pieceStored(piece)
    this.#parts.roster.announceHave(piece)
    this.#finishIfDone()
  }

  onPieceCorrupt(piece: number, received: number): void {
    this.#parts.totals.corruptBytes += received
    this.#parts.leafCheck?.rejected(piece)
    this.#options.platform.log.log("info", "torrent", `piece ${piece} did not verify and is downloaded again`)
    // While it was hashed, peers were told perhaps that we want nothing more of them.
    this.#wakeSoon.ask()
  }

  onGuilty(source: number, piece: number): void {
    this.#parts.culprits.convict(source, piece)
  }

  onFault(error: AtError): void {
    this.#giveUp(error)
  }

  onMemoryFreed(): void {
    if (this.#state !== "downloading") return
    this.#parts.webSeedRuns.memoryFreed()
    this.#parts.swarm.fillAll()
  }

  /** `due`: when it should have been, clock ms; undefined where that is not known. */
  #tick(due?: number): void {
    const { clock } = this.#options.platform
    const now = clock.now()
    const late = now - (due ?? now)
    const suspended = late >= SUSPENDED
    // However busy the machine is, no more than one tick in two is left out.
    this.#timer = clock.after(TICK, () => this.#tick(suspended ? undefined : now + TICK))
    this.#parts.statistics.tick(now)
    if (due !== undefined) this.#parts.stats.tick(late)
    // Nobody is to be judged by a silence that was ours.
    if (suspended) return
    this.#wakeSoon.tick()
    this.#parts.unwanted.tick()
    this.#parts.swarm.tick(now)
    this.#parts.peerSupply.tick({ now, wantsPeers: this.#wantsPeers, downloading: this.#state === "downloading" })
    this.#finishIfDone()
    if (this.#state !== "downloading") return
    this.#parts.webSeedRuns.tick()
    if (this.#parts.relief.relieve(now)) this.onMemoryFreed()
    this.#failWithoutSources()
  }

  #finishIfDone(): void {
    if (this.#parts.table.remaining > 0 || this.#state !== "downloading") return
    this.#state = this.#purpose.otherwise
    this.#parts.stats.pause()
    this.#parts.webSeedRuns.endRuns()
    this.#parts.swarm.finished()
    if (this.#parts.table.have.complete) this.#parts.announcer.completed()
    this.#completion.reached()
  }

  /** Other pieces are wanted than before, where there was nothing to fetch perhaps. */
  #wake(): void {
    if (this.#parts.table.remaining === 0 || this.#state === "stopped" || this.#state === "failed") return
    if (this.#state !== "downloading") {
      this.#state = "downloading"
      this.#parts.stats.resume()
      // Nobody waited until now.
      this.#parts.totals.lastArrival = this.#options.platform.clock.now()
    }
    this.#parts.swarm.reconsider()
    this.#parts.webSeedRuns.startRuns()
  }

  #followSelection(): void {
    const { have, wanted } = this.store
    for (const piece of have) {
      if (!this.#parts.table.found(piece)) continue
      this.#parts.readers.stored(piece)
      this.#parts.roster.announceHave(piece)
    }
    this.#parts.table.select(this.#purpose.pieces)
    this.#parts.tally.select(wanted)
    this.#parts.unwanted.drop()
    this.#wake()
    this.#finishIfDone()
  }

  #giveUp(error: AtError): void {
    if (this.#error !== undefined) return
    this.#end("failed", error)
    const { log } = this.#options.platform
    this.#parts.announcer
      .stop()
      .catch((fault: unknown) =>
        log.log("warn", "torrent", `the trackers were not told that we stop: ${String(fault)}`),
      )
  }

  /** Ends all transfers. */
  #end(state: "stopped" | "failed", error: AtError): void {
    this.#state = state
    this.#error ??= error
    this.#parts.stats.end()
    this.#timer?.cancel()
    this.#parts.webSeedRuns.close()
    this.#parts.discoveries.close()
    this.#parts.swarm.close()
    this.#parts.readers.fail(this.#error)
    this.#completion.failed(this.#error)
  }

  /** While it gives, too; and while nothing is selected yet, because a reader may come. */
  get #wantsPeers(): boolean {
    if (this.#state === "downloading" || this.#state === "seeding") return true
    return this.#state === "complete" && this.#purpose.mayFetch
  }

  #failWithoutSources(): void {
    const { platform, unusable } = this.#options
    const error = noSources({ ...this.#parts, unusable, reach: platform.reach })
    if (error === undefined) return
    if (!this.#parts.table.selectionComplete) {
      if (!this.#purpose.seed) {
        this.#giveUp(error)
        return
      }
      this.#purpose.fetch = false
      this.#parts.table.select(this.#purpose.pieces)
      this.#completion.failed(error)
    }
    // What is there is given all the same.
    this.#parts.readers.fail(error)
    this.#parts.unwanted.drop()
    this.#finishIfDone()
  }

  #addPeers(endpoints: readonly Endpoint[], origin: PeerOrigin, v2 = false): void {
    this.#parts.peerSupply.add(endpoints, { origin, v2, now: this.#options.platform.clock.now() })
    if (this.#state === "downloading" || origin === "user") this.#parts.swarm.connectMore()
  }

  #lost(piece: number): void {
    if (!this.#parts.table.lost(piece)) return
    this.#parts.tally.lost(piece)
    this.#parts.roster.announceLoss(piece)
    this.#parts.uploads.lost(piece)
    // With a file, thousands are lost in one turn.
    this.#wakeSoon.ask()
  }
}
