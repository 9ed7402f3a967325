import type { Family } from "../bytes/ip.js"
import type { Clock } from "../ports/clock.js"
import type { AnnounceAnswer, AnnounceOutcome } from "./announce.js"
import { Rests } from "./rests.js"

/** A host that is not reached over a family is not asked over it for so long, ms. */
const UNREACHED_REST = 3_600_000

/** A goodbye to a host that has not answered yet, ms: it may be about to learn of us, or be unreachable. */
const UNPROVEN_GOODBYE = 1_000

/** An announce to be repeated. */
export interface Repeat {
  /** Tracker and torrent. */
  readonly key: string
  /** Name and port. */
  readonly host: string
  readonly signal: AbortSignal
  /** Undefined: the host is to be left alone for now. `onSent`: it goes out. */
  announce(family: Family, onSent: () => void): Promise<AnnounceOutcome | undefined>
}

/** A host over the family that the first announce did not take. */
interface Way {
  readonly host: string
  readonly family: Family
}

/** A torrent that a tracker was told of. */
interface Told {
  readonly way: Way
  /** Over when the last announce is. Never rejects. */
  done: Promise<unknown>
}

/**
 * Makes a client known to HTTP trackers by its IPv4 and its IPv6 address (BEP 7). A tracker knows the one that an announce comes
 * from; so what it answered is said again over the other family, if its name has addresses of that. Such an announce counts for
 * itself alone: whether it works says nothing of the tracker.
 */
export class OtherFamily {
  readonly #clock: Clock
  /** Ways that have answered, as text. */
  readonly #proven = new Set<string>()
  /** Those that are being tried for the first time. */
  readonly #trials = new Map<string, Promise<unknown>>()
  /** Those that failed. */
  readonly #rests: Rests
  /** By {@link Repeat.key}. */
  readonly #told = new Map<string, Told>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#rests = new Rests(clock)
  }

  /** The tracker answered an announce that came over the family `first`. Never rejects. */
  async tell(repeat: Repeat, first: Family, onAnswer: (answer: AnnounceAnswer) => void): Promise<void> {
    const way: Way = { host: repeat.host, family: first === 4 ? 6 : 4 }
    const name = nameOf(way)
    // Where packets go nowhere, one announce finds out for all: turns with a host are few.
    for (let trial = this.#trials.get(name); trial !== undefined; trial = this.#trials.get(name)) await trial
    if (repeat.signal.aborted || this.#rests.of(name) > 0) return
    const told: Told = { way, done: Promise.resolve() }
    const asking = repeat.announce(way.family, () => this.#told.set(repeat.key, told))
    told.done = asking
    if (!this.#proven.has(name)) this.#trials.set(name, asking)
    const outcome = await asking
    if (this.#trials.get(name) === asking) this.#trials.delete(name)
    if (outcome === undefined || repeat.signal.aborted) return
    if (outcome.kind === "answered") {
      this.#proven.add(name)
      onAnswer(outcome.answer)
    } else {
      this.#told.delete(repeat.key)
      // Who was reached before has one more chance: then it is a trial.
      if (!this.#proven.delete(name)) this.#rests.add(name, UNREACHED_REST)
    }
  }

  /** Says goodbye where {@link tell} told of us. Over when that is answered, or not to be waited for. Never rejects. */
  async leave(repeat: Repeat): Promise<void> {
    const told = this.#told.get(repeat.key)
    if (told === undefined) return
    this.#told.delete(repeat.key)
    const goodbye = told.done.then(() => repeat.announce(told.way.family, () => {}))
    if (this.#proven.has(nameOf(told.way))) await goodbye
    else await this.#atMost(UNPROVEN_GOODBYE, goodbye)
  }

  #atMost(time: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(time, resolve)
      void work.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

function nameOf({ host, family }: Way): string {
  return `${host} IPv${family}`
}
