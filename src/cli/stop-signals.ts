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
const SIGNALS = Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]

/**
 * Turns SIGINT, SIGTERM, SIGHUP and the loss of standard output into an AbortSignal. The first one asks for an orderly
 * end and bounds its time; a second one ends the process at once, which the journal bears.
 */
export class StopSignals {
  readonly #controller = new AbortController()
  readonly #onStopping: () => void
  #exitCode: number | undefined
  #byUser = false

  /** `onStopping` is called at the first signal. */
  constructor(onStopping: () => void) {
    this.#onStopping = onStopping
    for (const name of SIGNALS) process.on(name, () => this.#signalled(EXIT_CODES[name]))
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
      // So soon after the first that it may be the same: a later one is not heard here.
      endWithin(HASTY_LIMIT, this.#exitCode)
      return
    }
    this.#byUser = true
    this.#onStopping()
    this.#stop(code)
  }

  #stop(code: number): void {
    this.#exitCode = code
    endWithin(STOP_LIMIT, code)
    setTimeout(obeySignals, SAME_SIGNAL).unref()
    this.#controller.abort()
  }
}

/**
 * From now on a signal ends the process as it ends any other: also where `process.exit` waits for the lookup of a name,
 * which can't be stopped.
 */
export function obeySignals(): void {
  for (const name of SIGNALS) process.removeAllListeners(name)
}

function endWithin(limit: number, code: number): void {
  setTimeout(() => process.exit(code), limit).unref()
}
