/** All must be saved and said within this time after the first signal, ms. */
const STOP_LIMIT = 6_000

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an AbortSignal. The first one asks for an orderly end and bounds its time; a
 * second one ends the process at once, which the journal bears.
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
