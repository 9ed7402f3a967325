import { concatBytes } from "../bytes/concat.js"
import type { TransportListener } from "./http-transport.js"
import { BodyReader, framingOf, keepsConnection } from "./http1-body.js"
import { HeadReader, MalformedAnswer } from "./http1-head.js"

/** How far an answer is. `cut`: the connection ended before it. All but `open` are final. */
export type AnswerState =
  | { readonly kind: "open" }
  /** `rest`: bytes behind it, valid as long as what was read. */
  | { readonly kind: "complete"; readonly keepsConnection: boolean; readonly rest: Uint8Array }
  | { readonly kind: "cut" }
  | { readonly kind: "malformed"; readonly reason: MalformedAnswer }
  | { readonly kind: "abandoned" }

const NOTHING = new Uint8Array(0)
const OPEN: AnswerState = { kind: "open" }
const CUT: AnswerState = { kind: "cut" }
const ABANDONED: AnswerState = { kind: "abandoned" }

/**
 * Reads one answer from a connection's bytes and hands it to a listener. Data goes on in the connection's own buffer;
 * only what a pause leaves over is copied. Whoever calls looks at `state` afterwards.
 */
export class AnswerReader {
  readonly #listener: Pick<TransportListener, "onHead" | "onData">
  readonly #head = new HeadReader()
  #body: BodyReader | undefined
  #keepsConnection = false
  #state = OPEN
  #started = false
  #paused = false
  /** What came and could not be handed on before a pause. */
  #held: Uint8Array | undefined
  #connectionEnded = false

  constructor(listener: Pick<TransportListener, "onHead" | "onData">) {
    this.#listener = listener
  }

  get state(): AnswerState {
    return this.#state
  }

  /** True when any byte has come. */
  get started(): boolean {
    return this.#started
  }

  get paused(): boolean {
    return this.#paused
  }

  /** True when the connection has ended and no more will come. What is held may still make the answer complete. */
  get connectionEnded(): boolean {
    return this.#connectionEnded
  }

  /** The listener hears nothing until `resume`, and the answer does not become complete. */
  pause(): void {
    this.#paused = true
  }

  /** Goes on with what was held. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#read(held)
    if (this.#connectionEnded) this.end()
  }

  /** The listener hears nothing more. */
  abandon(): void {
    this.#state = ABANDONED
    this.#held = undefined
  }

  /** Takes bytes as they come; they may be overwritten afterwards. */
  read(bytes: Uint8Array): void {
    this.#started = true
    // Some may have been on their way already when the connection was told to stop.
    this.#read(this.#held === undefined ? bytes : concatBytes(this.#held, bytes))
  }

  /** The connection has ended in good order. */
  end(): void {
    this.#connectionEnded = true
    if (this.#paused || this.#state !== OPEN) return
    this.#state = this.#body?.endsWithConnection ? { kind: "complete", keepsConnection: false, rest: NOTHING } : CUT
  }

  #read(bytes: Uint8Array): void {
    try {
      let at = 0
      while (!this.#paused && this.#state === OPEN) {
        if (this.#body?.done) {
          const rest = at === bytes.length ? NOTHING : bytes.subarray(at)
          this.#state = { kind: "complete", keepsConnection: this.#keepsConnection, rest }
        } else if (at === bytes.length) {
          return
        } else {
          at = this.#body === undefined ? this.#readHead(bytes, at) : this.#readBody(this.#body, bytes, at)
        }
      }
      if (this.#state === OPEN) this.#held = bytes.slice(at)
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error
      this.#state = { kind: "malformed", reason: error }
    }
  }

  #readHead(bytes: Uint8Array, at: number): number {
    const end = this.#head.read(bytes, at)
    const head = this.#head.head
    if (head !== undefined) {
      const framing = framingOf(head)
      this.#body = new BodyReader(framing)
      this.#keepsConnection = keepsConnection(head, framing)
      this.#listener.onHead(head.status, head.headers)
    }
    return end
  }

  #readBody(body: BodyReader, bytes: Uint8Array, at: number): number {
    const from = body.advance(bytes, at)
    const { start, end } = body
    if (end > start) this.#listener.onData(end - start === bytes.length ? bytes : bytes.subarray(start, end))
    return from
  }
}
