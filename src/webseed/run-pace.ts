import { RateMeter } from "../bytes/rate-meter.js"

/** Milliseconds that a run's rate looks back: beyond the pauses that a source may make (a longer one ends its request). */
const WINDOW = 20_000

/** How fast a run is, since it began or was last held up. */
export class RunPace {
  #meter = new RateMeter(WINDOW)
  #since = 0

  /** Measures anew from now on. */
  restart(now: number): void {
    this.#since = now
    this.#meter = new RateMeter(WINDOW)
    this.#meter.add(0, now)
  }

  add(bytes: number, now: number): void {
    this.#meter.add(bytes, now)
  }

  /** Milliseconds that are measured. */
  age(now: number): number {
    return now - this.#since
  }

  /** Bytes a second of late. */
  rate(now: number): number {
    return this.#meter.rate(now)
  }
}
