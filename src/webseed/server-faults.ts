import type { Clock } from "../ports/clock.js"
import type { Log } from "../ports/log.js"
import type { Concurrency } from "./concurrency.js"
import type { Refusal } from "./judge-answer.js"
import type { RequestGap } from "./request-gap.js"
import type { RunLength } from "./run-length.js"
import type { SeedHealth } from "./seed-health.js"

/** Statuses that say that our requests are too many. */
const TOO_MANY = new Set([429, 503])

type Busy = Refusal & { kind: "busy" }

export interface ServerFaultsParts {
  readonly health: SeedHealth
  readonly concurrency: Concurrency
  readonly runLength: RunLength
  readonly requestGap: RequestGap
  readonly clock: Clock
  readonly log: Log
  /** The source's, in the log. */
  readonly name: string
}

/** What follows for all requests to a server, when it refuses one or fails at it, and it is not about one file. */
export class ServerFaults {
  readonly #parts: ServerFaultsParts

  constructor(parts: ServerFaultsParts) {
    this.#parts = parts
  }

  /** Who has served us may do so again: there are walls that want a login now and then, and keys that are renewed. */
  refused(reason: string, isProven: boolean): void {
    if (isProven) this.faulted(reason)
    else this.#parts.health.disable(reason)
  }

  /** It answered, and not as it should. False when it is being left alone already. */
  faulted(reason: string): boolean {
    this.#parts.runLength.faulted()
    return this.backOff(reason, undefined)
  }

  /** False when it is being left alone already. */
  backOff(reason: string, retryAfter: number | undefined): boolean {
    const { health, concurrency, clock } = this.#parts
    const first = health.serverBusy(reason, retryAfter)
    if (first) concurrency.refused(clock.now())
    return first
  }

  /** Who serves us, and refuses the one request that is under way, minds how fast they come. True when a gap may help. */
  slowedDown({ status, reason, retryAfter }: Busy): boolean {
    const { health, concurrency, requestGap, runLength, clock, log, name } = this.#parts
    if (!TOO_MANY.has(status) || retryAfter !== undefined) return false
    if (concurrency.active > 1 || !health.mayRequest) return false
    const isFirst = requestGap.isFree
    if (!requestGap.refused(clock.now())) return false
    if (isFirst) {
      runLength.tooMany()
      log.log("info", "webseed", `${name} gets fewer requests a second: ${reason}`)
    }
    return true
  }

  /** It says "not now". */
  busy(refusal: Busy): void {
    const { concurrency, runLength, clock } = this.#parts
    const tooMany = TOO_MANY.has(refusal.status)
    const isKnown = concurrency.isCrowded(clock.now())
    const isHeeded = (tooMany && this.#crowded(refusal)) || this.backOff(refusal.reason, refusal.retryAfter)
    if (tooMany && isHeeded && !isKnown) runLength.tooMany()
  }

  /** A limit of connections is no wish to be left alone: whoever else is being served goes on, and one fewer is asked for. */
  #crowded({ reason, retryAfter }: Busy): boolean {
    const { concurrency, clock, log, name } = this.#parts
    if (retryAfter !== undefined || concurrency.active < 2) return false
    concurrency.crowded(clock.now())
    log.log("debug", "webseed", `${name} serves ${concurrency.limit} at a time: ${reason}`)
    return true
  }
}
