import type { Clock, Timer } from "../ports/clock.js"

/** The longest delay `setTimeout` takes, in milliseconds; a longer one would fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1

/** Time as the machine has it. */
export const nodeClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (delay, fn) => new NodeTimer(delay, fn),
}

class NodeTimer implements Timer {
  readonly #due: number
  readonly #fn: () => void
  #timeout: NodeJS.Timeout

  constructor(delay: number, fn: () => void) {
    this.#due = performance.now() + delay
    this.#fn = fn
    this.#timeout = this.#arm(delay)
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }

  #arm(delay: number): NodeJS.Timeout {
    return setTimeout(() => this.#fire(), Math.min(Math.ceil(delay), LONGEST_DELAY))
  }

  // Node counts whole milliseconds, so it may fire a little before `now()` has reached the time asked for.
  #fire(): void {
    const left = this.#due - performance.now()
    if (left > 0) this.#timeout = this.#arm(left)
    else this.#fn()
  }
}
