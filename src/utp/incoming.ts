import { SaidWindow } from "./said-window.js"
import type { SharedMemory } from "./shared-memory.js"
import { seq, seqDistance } from "./wrapping.js"

/** Bytes taken in ahead of their turn or of a reader that waits (libtorrent: 1 MiB). */
export const RECEIVE_WINDOW = 1024 * 1024
/** Packets ahead of the next one at most (libutp: 1024); a power of two. */
const AHEAD = 1024
/** What a kept packet weighs at least, bytes: many tiny ones must not take more memory than few large ones. */
const LEAST_WEIGHT = 256
const NOTHING = new Uint8Array(0)

/** Puts packets in order. Payloads are views of datagrams, which are kept and not copied. */
export class Incoming {
  /** By sequence number modulo its length; made when the first packet comes out of turn. */
  #ahead: (Uint8Array | undefined)[] | undefined
  #aheadCount = 0
  /** The furthest that came, in packets beyond `ack`. */
  #furthest = 0
  /** In order, and not yet taken. */
  readonly #ready: Uint8Array[] = []
  readonly #memory: SharedMemory
  /** Bytes kept. */
  #weight = 0
  #ack: number
  /** The number of the other side's last packet, once it has closed. */
  #end: number | undefined
  readonly #said = new SaidWindow(RECEIVE_WINDOW)
  /** The furthest that had come at `#markedAt`, a clock time, ms. */
  #mark: number
  #markedAt = 0

  /** `ack`: the sequence number before the first one to come. `memory`: of all connections, for what is kept. */
  constructor(ack: number, memory: SharedMemory) {
    this.#ack = this.#mark = ack
    this.#memory = memory
  }

  /** All up to this number is there. */
  get ack(): number {
    return this.#ack
  }

  /** Bytes that can still be taken in. */
  get window(): number {
    return Math.max(0, this.#limit - this.#weight)
  }

  /** {@link window}, which the other side is told now, a clock time in ms. */
  sayWindow(now: number): number {
    this.#said.say(this.window, now)
    return this.#said.bytes
  }

  /** The window is much larger than the other side knows. */
  get reopened(): boolean {
    const half = this.#limit / 2
    return this.#said.bytes < half && this.window >= half
  }

  /** The window is to be said again. To be called often. */
  isWindowDue(now: number): boolean {
    return this.#said.isDue(now)
  }

  /** The other side has closed, and all it sent was taken. */
  get ended(): boolean {
    return this.#end === this.#ack && this.#ready.length === 0
  }

  /** Some packet is there whose predecessor is not. */
  get hasHoles(): boolean {
    return this.#aheadCount > 0
  }

  /**
   * How long something has been kept, at least, for what stands before it, though we would take that, ms. To be called often.
   * Told by a mark that all must pass, not by how long the hole stands: who fills one now and then can keep others open.
   */
  waited(now: number): number {
    const passed = seqDistance(this.#ack, this.#mark) <= 0
    if (passed || !this.hasHoles || this.#ready.length > 0) {
      this.#mark = seq(this.#ack + this.#furthest)
      this.#markedAt = now
    }
    return now - this.#markedAt
  }

  /** Nothing comes behind the packet of that number, which is empty. */
  end(sequence: number): void {
    const distance = seqDistance(this.#ack, sequence)
    // It would refuse all that comes: no end stands before what has come, nor where nothing is taken.
    if (distance < 1 || distance >= AHEAD) return
    this.#end ??= sequence
    this.put(sequence, NOTHING)
  }

  /** Takes a payload in, once. False: it came before, lies too far ahead or behind the end, or there is no room. */
  put(sequence: number, payload: Uint8Array): boolean {
    if (this.#end !== undefined && seqDistance(this.#end, sequence) > 0) return false
    const distance = seqDistance(this.#ack, sequence)
    if (distance < 1 || distance >= AHEAD) return false
    // The one that all wait for is taken even if those ahead of it fill the window, for it sets them free.
    if (weightOf(payload) > this.window && (distance > 1 || this.#ready.length > 0)) return false
    this.#said.used()
    if (distance > 1) return this.#putAhead(sequence, distance, payload)
    this.#advance(payload)
    if (this.#aheadCount > 0) this.#takeOver()
    return true
  }

  /** The next payload in order; undefined when there is none. */
  take(): Uint8Array | undefined {
    const payload = this.#ready.shift()
    if (payload !== undefined) this.#keep(-weightOf(payload))
    return payload
  }

  /** Which packets from `ack + 2` on are there, as a selective ack wants it; empty when none is. */
  selectiveAck(): Uint8Array {
    const ahead = this.#ahead
    if (this.#aheadCount === 0 || ahead === undefined) return NOTHING
    const bits = this.#furthest - 1
    const mask = new Uint8Array(Math.ceil(bits / 32) * 4)
    for (let bit = 0; bit < bits; bit++) {
      if (ahead[seq(this.#ack + 2 + bit) % AHEAD] === undefined) continue
      mask[bit >> 3] = (mask[bit >> 3] as number) | (1 << (bit & 7))
    }
    return mask
  }

  /** Forgets all that was kept. */
  clear(): void {
    this.#ahead = undefined
    this.#ready.length = this.#aheadCount = this.#furthest = 0
    this.#keep(-this.#weight)
  }

  #putAhead(sequence: number, distance: number, payload: Uint8Array): boolean {
    this.#ahead ??= new Array<Uint8Array | undefined>(AHEAD).fill(undefined)
    if (this.#ahead[sequence % AHEAD] !== undefined) return false
    this.#ahead[sequence % AHEAD] = payload
    this.#aheadCount++
    this.#keep(weightOf(payload))
    this.#furthest = Math.max(this.#furthest, distance)
    return true
  }

  #takeOver(): void {
    const ahead = this.#ahead
    if (ahead === undefined) return
    for (;;) {
      const at = seq(this.#ack + 1) % AHEAD
      const payload = ahead[at]
      if (payload === undefined) return
      ahead[at] = undefined
      this.#aheadCount--
      this.#keep(-weightOf(payload))
      this.#advance(payload)
    }
  }

  #advance(payload: Uint8Array): void {
    this.#ack = seq(this.#ack + 1)
    this.#furthest = Math.max(0, this.#furthest - 1)
    this.#ready.push(payload)
    this.#keep(weightOf(payload))
  }

  #keep(bytes: number): void {
    this.#weight += bytes
    this.#memory.take(bytes)
  }

  /** Bytes that may be kept. */
  get #limit(): number {
    return Math.min(RECEIVE_WINDOW, this.#memory.limit(this.#weight))
  }
}

function weightOf(payload: Uint8Array): number {
  return Math.max(payload.length, LEAST_WEIGHT)
}
