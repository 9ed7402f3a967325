import { Backoff } from "../bytes/backoff.js"
import type { Clock } from "../ports/clock.js"
import type { Log } from "../ports/log.js"
import type { Random } from "../ports/random.js"

/** Milliseconds: connections blink, so the first tries come soon; doubled up to a minute, and never given up. */
const CONNECTION_BACKOFF = { first: 1_000, cap: 60_000, jitter: 0 }
/** Milliseconds: servers that say "not now" without saying when (libtorrent's urlseed_wait_retry); up to an hour. */
const SERVER_BACKOFF = { first: 30_000, cap: 3_600_000, jitter: 0 }
/** A Retry-After of 0 would be a busy loop. Milliseconds. */
const SHORTEST_RETRY_AFTER = 1_000
/** Waits are stretched by up to this share, the server's own too, so that many clients do not come back together. */
const JITTER = 0.25
/** Answers against the rules of HTTP, with no good one between, before the source is left alone. */
const MOST_STRIKES = 3

/** Whether a web seed may be asked now. `until`: the clock's milliseconds. */
export type WebSeedState =
  | { readonly kind: "ready" }
  | { readonly kind: "waiting"; readonly until: number; readonly reason: string }
  | { readonly kind: "disabled"; readonly reason: string }

const READY: WebSeedState = { kind: "ready" }

/** Whether one source may be asked now, after all that went wrong with it. */
export class SeedHealth {
  readonly #name: string
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Log
  readonly #connectionBackoff: Backoff
  readonly #serverBackoff: Backoff
  #state: WebSeedState = READY
  /** True when the wait is the server's wish: then even runs under way send it no new request. */
  #askedToWait = false
  #strikes = 0

  /** `name` stands in the log. */
  constructor(name: string, clock: Clock, random: Random, log: Log) {
    this.#name = name
    this.#clock = clock
    this.#random = random
    this.#log = log
    const below = (n: number): number => random.below(n)
    this.#connectionBackoff = new Backoff(CONNECTION_BACKOFF, below)
    this.#serverBackoff = new Backoff(SERVER_BACKOFF, below)
  }

  get state(): WebSeedState {
    if (this.#state.kind === "waiting" && this.#clock.now() >= this.#state.until) {
      this.#state = READY
      this.#askedToWait = false
    }
    return this.#state
  }

  /** False when a run under way must not send its next request: disabled, or the server wants to be left alone. */
  get mayRequest(): boolean {
    const { kind } = this.state
    return kind === "ready" || (kind === "waiting" && !this.#askedToWait)
  }

  succeeded(): void {
    this.#connectionBackoff.reset()
    this.#serverBackoff.reset()
    this.#strikes = 0
  }

  /** It serves us after all: it is not left alone any more for that reason. */
  recovered(reason: string): void {
    this.succeeded()
    if (this.#state.kind !== "waiting" || this.#state.reason !== reason) return
    this.#state = READY
    this.#askedToWait = false
  }

  /** The network failed. False when that is known already: runs that break at once are one failure. */
  connectionFailed(reason: string): boolean {
    if (this.state.kind !== "ready") return false
    this.#wait(this.#connectionBackoff.fail(), reason)
    return true
  }

  /** The server said "not now"; `retryAfter`: milliseconds it asked for. False when that is known already. */
  serverBusy(reason: string, retryAfter: number | undefined): boolean {
    if (this.state.kind === "disabled") return false
    const wished =
      retryAfter === undefined ? undefined : Math.min(Math.max(retryAfter, SHORTEST_RETRY_AFTER), SERVER_BACKOFF.cap)
    // Several runs that hear the same are one failure; only a later date counts.
    if (this.#state.kind === "waiting" && this.#askedToWait) {
      if (wished !== undefined && this.#clock.now() + wished > this.#state.until) this.#wait(wished, reason)
      return false
    }
    const own = this.#serverBackoff.fail()
    this.#wait(wished ?? own, reason)
    this.#askedToWait = true
    return true
  }

  /** The server broke the rules. The third time in a row is the last. */
  strike(reason: string): void {
    if (++this.#strikes >= MOST_STRIKES) this.disable(`${MOST_STRIKES} answers in a row were wrong: ${reason}`)
  }

  disable(reason: string): void {
    if (this.#state.kind === "disabled") return
    this.#state = { kind: "disabled", reason }
    this.#log.log("warn", "webseed", `${this.#name} is not used any more: ${reason}`)
  }

  #wait(delay: number, reason: string): void {
    const stretched = delay + (delay * JITTER * this.#random.below(1024)) / 1024
    this.#state = { kind: "waiting", until: this.#clock.now() + stretched, reason }
    this.#log.log("info", "webseed", `${this.#name} waits ${Math.ceil(stretched / 1000)} s: ${reason}`)
  }
}
