import type { ByteStream, StreamListener } from "../../src/ports/net.js"
import { concat } from "../support/bytes.js"
import { Waiter } from "./stage.js"

type NetEvent = "open" | "data" | "drain" | "close"

/** Hears a stream, notes everything, and checks what must always hold. */
export class Recorder implements StreamListener {
  readonly events: NetEvent[] = []
  /** Copies: a chunk is valid during its call alone. */
  readonly chunks: Uint8Array[] = []
  length = 0
  closed: { readonly error: Error | undefined } | undefined
  stream: ByteStream | undefined
  /** Called with each chunk, from inside `onData`. */
  react: ((chunk: Uint8Array) => void) | undefined
  /** Above 0 while the test is inside a call of the port: nothing may be heard then. */
  inside = 0
  readonly #waiter = new Waiter()

  onOpen(): void {
    this.#note("open")
  }

  onData(chunk: Uint8Array): void {
    this.chunks.push(chunk.slice())
    this.length += chunk.length
    this.#note("data")
    this.react?.(chunk)
  }

  onDrain(): void {
    this.#note("drain")
  }

  onClose(error?: Error): void {
    this.closed = { error }
    this.#note("close")
  }

  get bytes(): Uint8Array {
    return concat(this.chunks)
  }

  count(kind: NetEvent): number {
    return this.events.filter((event) => event === kind).length
  }

  until(ready: () => boolean): Promise<void> {
    return this.#waiter.until(ready)
  }

  async untilOpen(): Promise<void> {
    await this.until(() => this.events.includes("open"))
  }

  async untilLength(length: number): Promise<void> {
    await this.until(() => this.length >= length)
  }

  async untilClosed(): Promise<Error | undefined> {
    await this.until(() => this.closed !== undefined)
    return this.closed?.error
  }

  #note(event: NetEvent): void {
    if (this.inside > 0) throw new Error(`${event} was heard from inside a call`)
    if (this.events.at(-1) === "close") throw new Error(`${event} was heard after the end`)
    this.events.push(event)
    this.#waiter.notify()
  }
}
