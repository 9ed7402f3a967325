import { Bitfield } from "../bytes/bitfield.js"
import { toHex } from "../bytes/hex.js"
import { RateMeter } from "../bytes/rate-meter.js"
import { AtError, abortError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { Picker } from "../picker/picker.js"
import { PieceTable } from "../picker/piece-table.js"
import type { Timer } from "../ports/clock.js"
import type { ByteStream, Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { PieceStore } from "../storage/piece-store.js"
import type { Slot } from "../storage/slots.js"
import { Announcer } from "../tracker/announcer.js"
import type { TrackerStatus } from "../tracker/tracker-entry.js"
import { WebSeed } from "../webseed/web-seed.js"
import type { ConnectionBudget } from "./connection-budget.js"
import { Intake } from "./intake.js"
import { PeerBook } from "./peer-book.js"
import { PieceCache } from "./piece-cache.js"
import type { ProgressSnapshot, TorrentState } from "./progress.js"
import type { RateLimit } from "./rate-limit.js"
import { Readers } from "./readers.js"
import { Swarm } from "./swarm.js"
import { Totals } from "./totals.js"
import { Uploads } from "./uploads.js"
import { waitingReason } from "./waiting-reason.js"
import { WebSeedSources } from "./web-seed-sources.js"

/** The one timer of a torrent, ms. */
const TICK = 250
/** Peers asked for in an announce. */
const NUM_WANT = 100

export interface TorrentOptions {
  readonly platform: Platform
  readonly metainfo: Metainfo
  /** Open; the torrent closes it. */
  readonly store: PieceStore
  readonly peerId: Uint8Array
  readonly clientVersion: string
  /** Where we listen; undefined when we do not. */
  readonly listenPort: number | undefined
  readonly trackers: readonly (readonly string[])[]
  readonly webSeeds: readonly string[]
  readonly peers: readonly Endpoint[]
  readonly downloadLimit: RateLimit
  readonly uploadLimit: RateLimit
  readonly budget: ConnectionBudget
  /** False: only give what is there. */
  readonly fetch: boolean
  /** Go on giving when all is there. */
  readonly seed: boolean
}

/**
 * One torrent at work. It owns all that changes about the torrent; everything happens inside run-to-completion handlers
 * of the parts below, on one thread. One tick drives all that depends on time.
 */
export class Torrent {
  readonly metainfo: Metainfo
  readonly store: PieceStore
  readonly #o: TorrentOptions
  readonly #table: PieceTable<Slot>
  readonly #picker: Picker<Slot>
  readonly #intake: Intake
  readonly #uploads: Uploads
  readonly #swarm: Swarm
  readonly #webSeeds: WebSeedSources
  readonly #announcer: Announcer
  readonly #book: PeerBook
  readonly #totals: Totals
  readonly #readers: Readers
  readonly #uploadMeter = new RateMeter()
  readonly #waiters = new Set<{ resolve: () => void; reject: (error: AtError) => void }>()
  #state: TorrentState = "stopped"
  #error: AtError | undefined
  #timer: Timer | undefined
  #nextSource = 1
  #meteredUpload = 0
  #doneBytes = 0

  constructor(options: TorrentOptions) {
    const { platform, metainfo, store } = options
    const { clock, random, log } = platform
    this.#o = options
    this.metainfo = metainfo
    this.store = store
    const nextSourceId = (): number => this.#nextSource++
    const { layout } = metainfo
    const wanted = options.fetch ? store.wanted : new Bitfield(layout.pieceCount)
    this.#table = new PieceTable<Slot>({ layout, memory: store.slots, random, have: store.have, wanted })
    this.#picker = new Picker(this.#table, random)
    this.#book = new PeerBook(random)
    this.#totals = new Totals(clock.now())
    this.#readers = new Readers(this.#table, this.#picker, store, clock)
    this.#intake = new Intake({ table: this.#table, store, hasher: platform.hasher, host: this })
    const cache = new PieceCache(layout, (piece, begin, into) => store.read(piece, begin, into))
    this.#uploads = new Uploads({ cache, limit: options.uploadLimit, log })
    this.#swarm = new Swarm({
      net: platform.net,
      clock,
      log,
      table: this.#table,
      picker: this.#picker,
      intake: this.#intake,
      uploads: this.#uploads,
      book: this.#book,
      budget: options.budget,
      totals: this.#totals,
      downloadLimit: options.downloadLimit,
      infoHash: metainfo.infoHash,
      peerId: options.peerId,
      clientVersion: options.clientVersion,
      listenPort: options.listenPort,
      nextSourceId,
      seed: options.seed,
      hasher: platform.hasher,
      have: this.#table.have,
    })
    this.#webSeeds = new WebSeedSources({
      http: platform.http,
      clock,
      log,
      seeds: options.webSeeds.map((url) => new WebSeed({ url, metainfo, clock, random, log })),
      table: this.#table,
      picker: this.#picker,
      intake: this.#intake,
      totals: this.#totals,
      downloadLimit: options.downloadLimit,
      nextSourceId,
    })
    this.#announcer = new Announcer({
      platform,
      trackers: options.trackers,
      infoHash: metainfo.infoHash,
      peerId: options.peerId,
      key: random.below(0xffffffff),
      isPrivate: metainfo.private,
      host: {
        stats: () => ({
          uploaded: this.#uploads.uploaded,
          downloaded: this.#totals.downloaded,
          left: this.#bytesLeft(),
          port: options.listenPort ?? 0,
          numWant: this.#wantsPeers ? NUM_WANT : 0,
        }),
        onPeers: (endpoints) => this.#addPeers(endpoints, "tracker"),
      },
    })
    store.onLost = (piece) => {
      cache.forget(piece)
      this.#lost(piece)
    }
    for (const piece of store.have) this.#doneBytes += this.#wantedSize(piece)
  }

  get state(): TorrentState {
    return this.#state
  }

  /** Payload bytes received since the start. */
  get fetchedBytes(): number {
    return this.#totals.downloaded
  }

  /** Payload bytes given since the start. */
  get givenBytes(): number {
    return this.#uploads.uploaded
  }

  /** Goes to work. */
  start(): void {
    this.#state = this.#table.remaining > 0 ? "downloading" : this.#o.seed ? "seeding" : "complete"
    this.#announcer.start()
    this.#addPeers(this.#o.peers, "user")
    this.#webSeeds.startRuns()
    this.#tick()
  }

  /** Takes an accepted connection; false when it is not wanted. */
  accept(stream: ByteStream, received: Uint8Array): ReturnType<Swarm["accept"]> {
    return this.#state === "stopped" ? undefined : this.#swarm.accept(stream, received)
  }

  /** Resolves when all wanted pieces are verified and on disk. Rejects with the AtError that made it impossible. */
  whenComplete(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#table.remaining === 0) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiters.add({ resolve, reject }))
  }

  /** Verified bytes of the torrent from `offset` on, fetched if need be. Rejects with AtError. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (this.#error !== undefined) throw this.#error
    const pending = this.#readers.read(offset, length, signal)
    this.#wake()
    return pending
  }

  /** Another selection of files. */
  async select(selected: ReadonlySet<number>): Promise<void> {
    await this.store.select(selected)
    this.#table.select(this.store.wanted)
    this.#doneBytes = 0
    for (const piece of this.store.have) this.#doneBytes += this.#wantedSize(piece)
    this.#wake()
    if (this.#table.remaining === 0 && this.#state === "downloading") this.#finish()
  }

  snapshot(): ProgressSnapshot {
    const now = this.#o.platform.clock.now()
    const totals = this.#totals
    const downloadRate = totals.peerRate(now) + totals.webSeedRate(now)
    const left = this.#bytesLeft()
    const connected = [...this.#swarm.connected()]
    const { seeds } = this.#webSeeds
    return {
      name: this.metainfo.name,
      infoHash: toHex(this.metainfo.infoHash),
      state: this.#state,
      totalBytes: this.#doneBytes + left,
      doneBytes: this.#doneBytes,
      totalPieces: this.store.wanted.count,
      donePieces: this.store.wanted.count - this.#table.remaining,
      downloadRate,
      uploadRate: this.#uploadMeter.rate(now),
      eta: downloadRate > 0 ? left / downloadRate : null,
      fromPeers: totals.peerBytes,
      fromWebSeeds: totals.webSeedBytes,
      uploaded: this.#uploads.uploaded,
      wasted: totals.duplicateBytes + totals.corruptBytes,
      peers: {
        connected: connected.length,
        seeds: connected.filter(({ session }) => session.isSeed).length,
        known: this.#book.size,
      },
      webSeeds: {
        active: this.#webSeeds.activeCount,
        usable: seeds.filter(({ state }) => state.kind !== "disabled").length,
        total: seeds.length,
      },
      waitingFor: this.#waitingFor(now),
    }
  }

  trackerStatus(): readonly TrackerStatus[] {
    return this.#announcer.status()
  }

  /** Milliseconds since something last arrived (or since the start). */
  get idleTime(): number {
    return this.#o.platform.clock.now() - this.#totals.lastArrival
  }

  /**
   * Stops for good: ends all transfers, lets full pieces reach the disk, tells trackers (5 s at most), closes the store.
   */
  async stop(): Promise<void> {
    this.#state = "stopped"
    this.#timer?.cancel()
    this.#webSeeds.close()
    this.#swarm.close()
    this.#error ??= abortError()
    this.#fail(this.#error)
    const announced = this.#announcer.stop()
    await this.#intake.idle()
    await this.store.close()
    await announced
  }

  onPieceStored(piece: number): void {
    this.#doneBytes += this.#wantedSize(piece)
    this.#readers.stored(piece)
    this.#swarm.announceHave(piece)
    if (this.#table.remaining === 0 && this.#state === "downloading") this.#finish()
  }

  onPieceCorrupt(piece: number, size: number): void {
    this.#totals.corruptBytes += size
    this.#o.platform.log.log("info", "torrent", `piece ${piece} did not verify and is fetched again`)
  }

  onGuilty(source: number, piece: number): void {
    const peer = this.#swarm.sourceById(source)
    const seed = this.#webSeeds.seedById(source)
    const { log } = this.#o.platform
    if (peer !== undefined) {
      const { host, port } = peer.session.remote
      log.log("warn", "torrent", `peer ${host}:${port} sent wrong bytes in piece ${piece} and is dropped`)
      this.#swarm.convict(peer)
    }
    seed?.pieceCorrupt(piece)
  }

  onDiskFault(error: AtError): void {
    if (this.#state === "failed") return
    this.#state = "failed"
    this.#error = error
    this.#webSeeds.close()
    this.#swarm.close()
    this.#fail(error)
  }

  onMemoryFreed(): void {
    if (this.#state !== "downloading") return
    this.#webSeeds.memoryFreed()
    this.#swarm.fillAll()
  }

  #tick(): void {
    const { clock } = this.#o.platform
    const now = clock.now()
    this.#timer = clock.after(TICK, () => this.#tick())
    this.#uploadMeter.add(this.#uploads.uploaded - this.#meteredUpload, now)
    this.#meteredUpload = this.#uploads.uploaded
    this.#swarm.tick(now)
    if (this.#state !== "downloading") return
    this.#webSeeds.tick()
    if (!this.#table.memoryLeft) {
      const canComplete = (piece: number): boolean => this.#swarm.anyoneHas(piece) || this.#webSeeds.anyoneHas(piece)
      while (this.#picker.dropHopeless(canComplete)) this.onMemoryFreed()
    }
    if (this.#swarm.connectedCount === 0 && this.#webSeeds.activeCount === 0) this.#announcer.announceSoon()
    this.#failWithoutSources()
  }

  #finish(): void {
    this.#state = this.#o.seed ? "seeding" : "complete"
    this.#webSeeds.endRuns()
    this.#swarm.finished()
    this.#announcer.completed()
    for (const waiter of this.#waiters) waiter.resolve()
    this.#waiters.clear()
  }

  /** There is something to fetch, again perhaps. */
  #wake(): void {
    if (this.#table.remaining === 0 || (this.#state !== "complete" && this.#state !== "seeding")) return
    this.#state = "downloading"
    this.#swarm.reconsider()
    this.#webSeeds.startRuns()
  }

  #fail(error: AtError): void {
    this.#readers.fail(error)
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }

  /** While it gives, too; and while nothing is selected yet, because a reader may come. */
  get #wantsPeers(): boolean {
    if (this.#state === "downloading" || this.#state === "seeding") return true
    return this.#state === "complete" && this.#o.fetch && this.store.wanted.count === 0
  }

  #wantedSize(piece: number): number {
    return this.store.wanted.has(piece) ? this.metainfo.layout.pieceSize(piece) : 0
  }

  /** Nobody has it and nobody can be asked: waiting would be for ever. */
  #failWithoutSources(): void {
    const hopeful =
      this.#o.trackers.length > 0 ||
      this.#book.hopeful ||
      this.#swarm.connectedCount > 0 ||
      this.#webSeeds.seeds.some(({ state }) => state.kind !== "disabled")
    if (hopeful) return
    const reasons = this.#webSeeds.seeds.map(({ url, state }) =>
      state.kind === "disabled" ? `${url}: ${state.reason}` : url,
    )
    this.onDiskFault(
      new AtError("AT_NO_SOURCES", ["no peer, tracker or web seed is left to ask", ...reasons].join("; "), {
        hint: "name a source with --url or --peer, or ask the publisher to seed it",
      }),
    )
  }

  #waitingFor(now: number): string | null {
    if (this.#state !== "downloading") return null
    return waitingReason({
      sinceArrival: now - this.#totals.lastArrival,
      now,
      peers: [...this.#swarm.connected()].map(({ session }) => ({
        choking: session.peerChoking,
        interesting: session.amInterested,
      })),
      connecting: this.#swarm.connectingCount,
      known: this.#book.size,
      trackers: this.#announcer.status(),
      webSeeds: this.#webSeeds.seeds.map(({ url, state }) => ({ url, state })),
    })
  }

  #addPeers(endpoints: readonly Endpoint[], origin: "user" | "tracker"): void {
    const now = this.#o.platform.clock.now()
    for (const endpoint of endpoints) this.#book.add(endpoint, origin, now)
    if (this.#state === "downloading" || origin === "user") this.#swarm.connectMore()
  }

  #bytesLeft(): number {
    const { layout } = this.metainfo
    const table = this.#table
    if (table.remaining === 0) return 0
    const last = layout.pieceCount - 1
    const lastMissing = !table.is(last, "have") && !table.is(last, "unwanted")
    return table.remaining * layout.pieceLength - (lastMissing ? layout.pieceLength - layout.pieceSize(last) : 0)
  }

  #lost(piece: number): void {
    this.#table.lost(piece, this.store.wanted.has(piece))
    this.#doneBytes -= this.#wantedSize(piece)
  }
}
