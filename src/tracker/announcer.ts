import { redactUrl } from "../bytes/url.js"
import type { Timer } from "../ports/clock.js"
import type { Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { AnnounceAnswer, AnnounceEvent, AnnounceOutcome, AnnounceStats } from "./announce.js"
import { TierList } from "./tier-list.js"
import type { TrackerClient } from "./tracker-client.js"
import { type Flight, TrackerEntry, type TrackerStatus } from "./tracker-entry.js"

/** Trackers taken from one torrent: more is an attempt to make us ask half the internet. */
export const MAX_TRACKERS = 100

/** All goodbyes together take no longer (as libtorrent and rain). */
const STOP_TIMEOUT = 5_000

/**
 * A tracker that has not answered `started` for so long does not hold up the end. One that was asked just now is waited
 * for: else a short download would leave a peer behind that nobody reaches.
 */
const STARTED_GRACE = 1_000

/** The torrent, as its trackers see it. */
interface AnnouncerHost {
  stats(): AnnounceStats
  /** Peers of one answer; ports are 1 to 65535, addresses can be a peer's (private and loopback ones among them). */
  onPeers(endpoints: readonly Endpoint[], tracker: string): void
  /** Our own address, as a tracker sees it (BEP 24). */
  onExternalAddress?(host: string, tracker: string): void
}

export interface AnnouncerOptions {
  readonly platform: Pick<Platform, "clock" | "random" | "log">
  /** Asks the trackers; others may use it, too. */
  readonly client: TrackerClient
  readonly host: AnnouncerHost
  /** BEP 12: tiers in order. */
  readonly trackers: readonly (readonly string[])[]
  /** 20 bytes (of a v2 infohash the first 20, BEP 52). */
  readonly infoHash: Uint8Array
  /** 20 bytes. */
  readonly peerId: Uint8Array
  /** 32 random bits. */
  readonly key: number
  readonly isPrivate: boolean
}

/** Announces one torrent to its trackers, from `start` to `stop`. */
export class Announcer {
  readonly #options: AnnouncerOptions
  #host: AnnouncerHost
  #tiers: TierList<TrackerEntry>
  #phase: "new" | "running" | "stopping" = "new"
  #wasComplete = false
  /** How often we got elsewhere. */
  #moves = 0
  #timer: Timer | undefined
  #stopped: Promise<void> | undefined

  constructor(options: AnnouncerOptions) {
    this.#options = options
    this.#host = options.host
    this.#tiers = new TierList([], { isPrivate: options.isPrivate, random: options.platform.random })
    this.add(options.trackers)
  }

  get infoHash(): Uint8Array {
    return this.#options.infoHash
  }

  /** More trackers, in tiers after those that are there. Of those that are, none is taken twice. */
  add(tiers: readonly (readonly string[])[]): void {
    const { trackers } = this.#tiers
    const known = new Set(trackers.map(({ url }) => url))
    const first = (trackers.at(-1)?.tier ?? -1) + 1
    const entries = tiers.flatMap((tier, index) =>
      tier
        .filter((url) => !known.has(url))
        .map((url) => new TrackerEntry(url, first + index, this.#options.platform.random)),
    )
    const room = MAX_TRACKERS - trackers.length
    if (entries.length > room)
      this.#log("warn", `only the first ${MAX_TRACKERS} of ${trackers.length + entries.length} trackers are used`)
    this.#tiers.add(entries.slice(0, room))
    this.#askDue()
  }

  /** Starts to announce, with `event=started`; after {@link inherit}, whoever knows us is told as soon as it allows. */
  start(): void {
    if (this.#phase !== "new") return
    this.#phase = "running"
    this.#wasComplete = this.#host.stats().left === 0
    for (const { schedule } of this.#tiers.trackers) schedule.hasten()
    this.#askDue()
  }

  /**
   * From its next start on it is another's: the torrent's, when it began with the fetch of its metadata. What is under way
   * goes on, and the trackers know us as before.
   */
  inherit({ host, trackers, isPrivate }: Pick<AnnouncerOptions, "host" | "trackers" | "isPrivate">): void {
    this.#phase = "new"
    this.#host = host
    if (isPrivate) this.#useOneTracker()
    this.add(trackers)
  }

  /** The torrent became complete: each tracker that knows us is told once. Ignored when it was complete at the start. */
  completed(): void {
    if (this.#phase !== "running" || this.#wasComplete) return
    this.#wasComplete = true
    for (const entry of this.#tiers.trackers) {
      if (!entry.joined && entry.flight === undefined) continue
      entry.completedPending = true
      this.#tellCompleted(entry)
    }
  }

  /** Peers are wanted: asks again as soon as the trackers allow. May be called as often as one likes. */
  announceSoon(): void {
    if (this.#phase !== "running") return
    this.#tiers.hasten(this.#now())
    this.#askDue()
  }

  /**
   * We have other addresses: those who name us to others are told, soon if we are `elsewhere` and else when they allow it, and
   * who was not reached may be by now.
   */
  moved(elsewhere: boolean): void {
    if (elsewhere) this.#moves++
    for (const { schedule } of this.#tiers.trackers) {
      if (elsewhere || schedule.failures > 0) schedule.moved()
      else schedule.hasten()
    }
    this.#askDue()
  }

  /**
   * Ends what is under way, and says `event=stopped` to the trackers that know us: within 5 s, after which nothing is
   * awaited from any.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /** In the order of asking. */
  status(): readonly TrackerStatus[] {
    const now = this.#now()
    return this.#tiers.trackers.map((entry) => entry.status(now))
  }

  /** Each tracker failed at its last announce, or has not answered its first for 15 s. True without trackers. */
  get exhausted(): boolean {
    const now = this.#now()
    return this.#tiers.trackers.every((entry) => entry.isDead(now))
  }

  /** BEP 27: of several that know us, one; the others hear from us again at the end. */
  #useOneTracker(): void {
    const { trackers } = this.#tiers
    this.#tiers = new TierList(trackers, { isPrivate: true, random: this.#options.platform.random })
    for (const entry of trackers) if (entry.joined) this.#tiers.answered(entry, this.#now(), true)
  }

  #askDue(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#phase !== "running") return
    const now = this.#now()
    for (let entry = this.#tiers.next(now); entry !== undefined; entry = this.#tiers.next(now)) this.#ask(entry)
    const wakeAt = this.#tiers.wakeAt(now)
    if (wakeAt === undefined) return
    this.#timer = this.#options.platform.clock.after(Math.max(wakeAt - now, 0), () => this.#askDue())
  }

  #tellCompleted(entry: TrackerEntry): void {
    if (entry.completedPending && entry.joined && entry.flight === undefined && entry.schedule.failures === 0) {
      this.#ask(entry)
    }
  }

  /** Sends what the tracker is to know next, and deals with the answer. */
  #ask(entry: TrackerEntry): void {
    const since = this.#now()
    const event = entry.takeEvent()
    const host = this.#host
    const moves = this.#moves
    const wantedNone = !this.#wantsPeers
    const controller = new AbortController()
    entry.follow(controller)
    entry.schedule.begin(since)
    const done = this.#announce(entry, event, controller.signal)
      .then((outcome) => {
        entry.flight = undefined
        if (controller.signal.aborted) return
        this.#onOutcome(entry, event, outcome)
        // It knows where we were when it was asked.
        if (outcome.kind === "answered" && moves !== this.#moves) {
          entry.schedule.moved()
          this.#askDue()
        }
        if (host !== this.#host || (wantedNone && this.#wantsPeers)) this.announceSoon()
      })
      .catch((error: unknown) => this.#log("warn", `a bug: ${String(error)}`))
    entry.flight = { event, since, done }
  }

  #onOutcome(entry: TrackerEntry, event: AnnounceEvent, outcome: AnnounceOutcome): void {
    const now = this.#now()
    if (outcome.kind === "failed") {
      entry.fail(now, outcome)
      this.#tiers.failed(entry)
      this.#log("info", `${redactUrl(entry.url)} failed: ${outcome.message}`)
    } else {
      const { answer } = outcome
      entry.answer(now, event, answer)
      this.#tiers.answered(entry, now, this.#isEnough(answer))
      this.#log("debug", `${redactUrl(entry.url)} answered with ${answer.peers.length} peers`)
      if (answer.warning !== undefined) this.#log("warn", `${redactUrl(entry.url)} warns: ${answer.warning}`)
      this.#hand(answer, entry)
    }
    if (this.#phase === "running") this.#tellCompleted(entry)
    this.#askDue()
  }

  #announce(entry: TrackerEntry, event: AnnounceEvent, signal: AbortSignal): Promise<AnnounceOutcome> {
    const { infoHash, peerId, key } = this.#options
    const request = { infoHash, peerId, key, event, stats: this.#host.stats(), trackerId: entry.trackerId }
    return this.#options.client.announce(entry.target, request, signal, {
      onSent: () => {
        entry.sentAt = this.#now()
      },
      onLate: (late) => {
        entry.addPeers(late)
        this.#hand(late, entry)
      },
    })
  }

  #hand(answer: AnnounceAnswer, entry: TrackerEntry): void {
    if (this.#phase !== "running") return
    const host = this.#host
    if (answer.externalAddress !== undefined) host.onExternalAddress?.(answer.externalAddress, entry.url)
    if (answer.peers.length > 0) host.onPeers(answer.peers, entry.url)
  }

  get #wantsPeers(): boolean {
    return this.#host.stats().numWant > 0
  }

  /** One peer at our own port may be ourselves: trackers often name us to us. */
  #isEnough({ peers }: AnnounceAnswer): boolean {
    const { port, numWant } = this.#host.stats()
    return numWant === 0 || peers.length > 1 || (peers.length === 1 && peers[0]!.port !== port)
  }

  async #stop(): Promise<void> {
    this.#phase = "stopping"
    this.#timer?.cancel()
    const budget = new AbortController()
    const timer = this.#options.platform.clock.after(STOP_TIMEOUT, () => budget.abort())
    await Promise.all(this.#tiers.trackers.map((entry) => this.#leave(entry, budget.signal)))
    timer.cancel()
    budget.abort()
  }

  /** The goodbye to one tracker. */
  async #leave(entry: TrackerEntry, budget: AbortSignal): Promise<void> {
    if (entry.flight !== undefined) await this.#land(entry, entry.flight)
    entry.letGo()
    for (const event of ["completed", "stopped"] as const) {
      if (!entry.joined || budget.aborted) return
      if (event === "completed" && !entry.completedPending) continue
      const outcome = await this.#announce(entry, event, budget)
      if (outcome.kind === "answered") entry.answer(this.#now(), event, outcome.answer)
    }
  }

  /** Ends what is under way: at once when nothing hangs on it, after a while when the tracker may get to know us. */
  async #land(entry: TrackerEntry, { event, done }: Flight): Promise<void> {
    const { sentAt } = entry
    if (sentAt === undefined) {
      entry.letGo()
      return done
    }
    const grace = event === "started" ? sentAt + STARTED_GRACE - this.#now() : event === "completed" ? STOP_TIMEOUT : 0
    const timer = this.#options.platform.clock.after(Math.max(grace, 0), () => entry.letGo())
    await done
    timer.cancel()
  }

  #now(): number {
    return this.#options.platform.clock.now()
  }

  #log(level: "debug" | "info" | "warn", message: string): void {
    this.#options.platform.log.log(level, "tracker", message)
  }
}
