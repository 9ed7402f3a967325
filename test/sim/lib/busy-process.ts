import type { Clock } from "../../../src/ports/clock.js"
import type { Random } from "../../../src/ports/random.js"
import type { Udp } from "../../../src/ports/udp.js"
import type { SimPlatform, Simulation } from "./simulation.js"

/** A process that does something else now and then: timers come late, and datagrams wait in the sockets, which keep only so many. */
export class BusyProcess {
  readonly clock: Clock
  readonly random: Random
  readonly udp: Udp
  /** Datagrams that a socket keeps. */
  buffer = Number.POSITIVE_INFINITY
  readonly #simulation: Simulation
  readonly #platform: SimPlatform
  readonly #waiting: (() => void)[] = []
  #isBusy = false

  constructor(simulation: Simulation, platform: SimPlatform) {
    this.#simulation = simulation
    this.#platform = platform
    this.clock = platform.clock
    this.random = platform.random
    this.udp = {
      open: (options, onMessage) =>
        platform.udp.open(options, (datagram, from) => {
          if (!this.#isBusy) onMessage(datagram, from)
          else if (this.#waiting.length < this.buffer) this.#waiting.push(() => onMessage(datagram, from))
        }),
    }
  }

  /** Does something else for so long, ms; then its timers fire that were due, and what came is read. Nothing if it does already. */
  busyFor(milliseconds: number): void {
    if (this.#isBusy) return
    this.#isBusy = true
    this.#platform.clock.suspend()
    const { clock } = this.#simulation
    clock.after(milliseconds, () => {
      this.#platform.clock.resume()
      clock.after(0, () => {
        this.#isBusy = false
        for (const read of this.#waiting.splice(0)) read()
      })
    })
  }
}
