import { nodeClock } from "../node/clock.js"
import { lostOutput } from "./lost-output.js"

/** All must be saved and said within this time after the first signal, ms. */
const STOP_LIMIT = 6_000

/**
 * A second signal so soon after the first, ms, may be the same: timeout(1) and npx send each one to the process and to its
 * group.
 */
const SAME_SIGNAL = 250

/** Then there is so much time left, ms. */
const HASTY_LIMIT = 1_000

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/**
 * Turns SIGINT, SIGTERM, SIGHUP and the loss of standard output into an AbortSignal. The first one asks for an orderly
 * end and bounds its time; a second one ends the process at once, which the journal bears.
 */
export class StopSignals {
  readonly #controller = new AbortController()
  readonly #onStopping: () => void
  #exitCode: number | undefined
  #byUser = false
  #since = 0

  /** `onStopping` is called at the first signal. */
  constructor(onStopping: () => void) {
    this.#onStopping = onStopping
    for (const name of Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]) {
      process.on(name, () => this.#signalled(EXIT_CODES[name]))
    }
    // As of `… --json | head -1`.
    process.stdout.on("error", (error) => {
      if (this.#exitCode === undefined) this.#stop(lostOutput(error).code)
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** What the process should end with when it was stopped. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  /** It was stopped by a signal, not for want of a standard output. */
  get byUser(): boolean {
    return this.#byUser
  }

  #signalled(code: number): void {
    if (this.#exitCode !== undefined) {
      const mayBeTheSame = nodeClock.now() - this.#since < SAME_SIGNAL
      if (mayBeTheSame) endWithin(HASTY_LIMIT, this.#exitCode)
      else process.exit(this.#exitCode)
      return
    }
    this.#byUser = true
    this.#onStopping()
    this.#stop(code)
  }

  #stop(code: number): void {
    this.#exitCode = code
    this.#since = nodeClock.now()
    endWithin(STOP_LIMIT, code)
    this.#controller.abort()
  }
}

function endWithin(limit: number, code: number): void {
  setTimeout(() => process.exit(code), limit).unref()
}
