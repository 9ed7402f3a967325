import type { Timer } from "../../../src/ports/clock.js"
import type { VirtualHost, VirtualNetwork } from "./virtual-network.js"

/**
 * One direction between two hosts, in order and without loss, as TCP makes it: what was lost is sent again and holds up
 * all that comes behind it, and what meets a cut-off way waits until the way is open again.
 */
export class Wire {
  readonly #network: VirtualNetwork
  readonly #from: VirtualHost
  readonly #to: VirtualHost
  readonly #leadsThere: () => boolean
  readonly #onDead: () => void
  readonly #queue: Array<() => void> = []
  /** How many of the queue's first have arrived. */
  #arrived = 0
  #last = 0
  #waiting: (() => void) | undefined
  #dead: Timer | undefined

  /**
   * `leadsThere`: whether both hosts have the addresses that it runs between. `onDead`: the way was cut for longer than TCP goes
   * on trying.
   */
  constructor(
    network: VirtualNetwork,
    options: { from: VirtualHost; to: VirtualHost; leadsThere: () => boolean; onDead: () => void },
  ) {
    this.#network = network
    this.#from = options.from
    this.#to = options.to
    this.#leadsThere = options.leadsThere
    this.#onDead = options.onDead
  }

  send(bytes: number, fn: () => void): void {
    this.#queue.push(fn)
    this.#last = this.#network.carry(
      this.#from,
      this.#to,
      bytes,
      () => {
        this.#arrived++
        if (this.#arrived === 1) this.#deliver()
      },
      { earliest: this.#last, late: this.#network.repair(this.#from, this.#to, bytes) },
    )
  }

  /** Nothing more arrives. */
  cut(): void {
    this.#queue.length = 0
    this.#arrived = 0
    this.#waiting?.()
    this.#dead?.cancel()
  }

  /** One at a time: each arrival is an event of its own. */
  #deliver(): void {
    if (this.#queue.length === 0 || this.#arrived === 0) return
    if (!this.#network.connected(this.#from, this.#to) || !this.#leadsThere()) {
      this.#wait()
      return
    }
    this.#dead?.cancel()
    this.#dead = undefined
    const fn = this.#queue.shift()!
    this.#arrived--
    if (this.#arrived > 0) this.#network.clock.after(0, () => this.#deliver())
    fn()
  }

  #wait(): void {
    this.#dead ??= this.#network.clock.after(this.#network.tcp.retransmissionLimit, this.#onDead)
    this.#waiting = this.#network.whenHealed(() => {
      this.#waiting = undefined
      this.#network.clock.after(this.#network.latency(this.#from, this.#to), () => this.#deliver())
    })
  }
}
