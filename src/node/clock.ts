import type { Clock, Timer } from "../ports/clock.js"

/** The longest delay `setTimeout` takes, in milliseconds; a longer one would fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1

/** Time as the machine has it. */
export const nodeClock: Clock = {
  now,
  wallTime: () => Date.now(),
  after: (delay, fn) => new NodeTimer(delay, fn),
}

/** Not `performance.now()`: loading what stands behind it takes milliseconds that a short command feels. */
function now(): number {
  const time = process.hrtime()
  return time[0] * 1000 + time[1] / 1e6
}

class NodeTimer implements Timer {
  readonly #due: number
  readonly #fn: () => void
  #timeout: NodeJS.Timeout

  constructor(delay: number, fn: () => void) {
    this.#due = now() + delay
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
    const left = this.#due - now()
    if (left > 0) this.#timeout = this.#arm(left)
    else this.#fn()
  }
}
