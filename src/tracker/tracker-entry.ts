import type { Random } from "../ports/random.js"
import type { AnnounceAnswer, AnnounceEvent, TrackerFailure } from "./announce.js"
import { TrackerSchedule } from "./schedule.js"
import type { Askable } from "./tier-list.js"
import { parseTrackerUrl, type TrackerTarget } from "./tracker-url.js"

/** What a user may see of a tracker. */
export interface TrackerStatus {
  /** As the torrent has it: it may hold a passkey, so redact it (`redactUrl`) before showing it. */
  readonly url: string
  /** From 0. */
  readonly tier: number
  /** "queued": the announce is due, and waits for others to the same host. */
  readonly state: "idle" | "queued" | "announcing" | "working" | "failed"
  /** Why it failed, or the tracker's warning: a stranger's text. */
  readonly message?: string
  readonly seeds?: number
  readonly leechers?: number
  /** All peers it named, over all announces. */
  readonly peersReceived: number
  /** Milliseconds, 0 when it is due; null while it is queued or being asked, and when no announce is planned. */
  readonly nextAnnounceIn: number | null
}

/** An announce under way, or waiting for its turn. */
export interface Flight {
  readonly event: AnnounceEvent
  readonly since: number
  /** Never rejects. */
  readonly done: Promise<void>
}

/** No answer for so long counts as a failure when the question is whether there is any source (BEP 15's first time-out). */
const SILENT_AFTER = 15_000

/** What we know of one tracker of one torrent. */
export class TrackerEntry implements Askable {
  readonly url: string
  readonly tier: number
  readonly target: TrackerTarget
  readonly schedule: TrackerSchedule
  flight: Flight | undefined
  /** When the last announce went out; undefined while it waits for others to the same host. */
  sentAt: number | undefined
  #controller: AbortController | undefined
  /** It knows that we take part: it answered `started`, and has not answered `stopped`. */
  joined = false
  /** The torrent became complete, and it was not told. */
  completedPending = false
  trackerId: Uint8Array | undefined
  #lastOutcome: "none" | "answered" | "failed" = "none"
  #message: string | undefined
  #seeds: number | undefined
  #leechers: number | undefined
  #peersReceived = 0

  constructor(url: string, tier: number, random: Random) {
    this.url = url
    this.tier = tier
    this.target = parseTrackerUrl(url)
    this.schedule = new TrackerSchedule(random)
    if (this.target.kind === "refused") this.fail(0, { kind: "failed", message: this.target.reason, retry: "never" })
  }

  get askedAt(): number | undefined {
    return this.flight?.since
  }

  /** A new announce, which `controller` ends. What the one before could still hear is of no more use. */
  follow(controller: AbortController): void {
    this.letGo()
    this.#controller = controller
    this.sentAt = undefined
  }

  /** Ends the last announce, and the wait for what a second address answers to it. */
  letGo(): void {
    this.#controller?.abort()
  }

  /** What the next announce has to say. A tracker that did not know us while we were incomplete is not told `completed`. */
  takeEvent(): AnnounceEvent {
    const event = !this.joined ? "started" : this.completedPending ? "completed" : "none"
    if (event === "started") this.completedPending = false
    return event
  }

  answer(now: number, event: AnnounceEvent, answer: AnnounceAnswer): void {
    this.schedule.succeeded(now, answer.interval, answer.minInterval)
    this.#lastOutcome = "answered"
    this.joined = event !== "stopped"
    if (event === "completed") this.completedPending = false
    this.#message = answer.warning
    this.#seeds = answer.seeds ?? this.#seeds
    this.#leechers = answer.leechers ?? this.#leechers
    this.trackerId = answer.trackerId ?? this.trackerId
    this.addPeers(answer)
  }

  addPeers(answer: AnnounceAnswer): void {
    this.#peersReceived += answer.peers.length
  }

  fail(now: number, failure: TrackerFailure): void {
    this.schedule.failed(now, failure.retry)
    this.#lastOutcome = "failed"
    this.#message = failure.message
  }

  /** Nothing came from it, or nothing new is to be expected soon. */
  isDead(now: number): boolean {
    if (this.#lastOutcome === "failed") return true
    if (this.#lastOutcome !== "none" || this.flight === undefined) return false
    return this.sentAt !== undefined && now - this.sentAt >= SILENT_AFTER
  }

  get #state(): TrackerStatus["state"] {
    if (this.flight === undefined) return STATES[this.#lastOutcome]
    return this.sentAt === undefined ? "queued" : "announcing"
  }

  status(now: number): TrackerStatus {
    const nextAt = this.flight !== undefined || this.#lastOutcome === "none" ? null : this.schedule.nextAt
    return {
      url: this.url,
      tier: this.tier,
      state: this.#state,
      ...(this.#message !== undefined && { message: this.#message }),
      ...(this.#seeds !== undefined && { seeds: this.#seeds }),
      ...(this.#leechers !== undefined && { leechers: this.#leechers }),
      peersReceived: this.#peersReceived,
      nextAnnounceIn: nextAt === null ? null : Math.max(nextAt - now, 0),
    }
  }
}

const STATES = { none: "idle", answered: "working", failed: "failed" } as const
