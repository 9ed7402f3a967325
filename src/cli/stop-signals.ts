/** All must be saved and said within this time after the first signal, ms. */
const STOP_LIMIT = 6_000

/** As of a program that SIGPIPE ended, which Node turns off. */
const NO_READER = 128 + 13

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/**
 * Turns SIGINT, SIGTERM, SIGHUP and the end of standard output into an AbortSignal. The first one asks for an orderly
 * end and bounds its time; a second one ends the process at once, which the journal bears.
 */
export class StopSignals {
  readonly #controller = new AbortController()
  readonly #onStopping: () => void
  #exitCode: number | undefined

  /** `onStopping` is called at the first signal. */
  constructor(onStopping: () => void) {
    this.#onStopping = onStopping
    for (const name of Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]) {
      process.on(name, () => this.#stop(EXIT_CODES[name]))
    }
    // Nobody reads the result any more, as of `… --json | head -1`.
    process.stdout.on("error", () => {
      if (this.#exitCode === undefined) this.#stop(NO_READER)
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** What the process should end with when a signal came. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  #stop(code: number): void {
    if (this.#exitCode !== undefined) process.exit(code)
    this.#exitCode = code
    this.#onStopping()
    setTimeout(() => process.exit(code), STOP_LIMIT).unref()
    this.#controller.abort()
  }
}
