/** What passes over a virtual HTTP connection: the heads as JSON, the body in pieces, and its end. */
export type FrameKind = "request" | "head" | "body" | "end"

const KINDS: readonly FrameKind[] = ["request", "head", "body", "end"]
const HEADER = 5

export function encodeFrame(kind: FrameKind, payload: Uint8Array | object = new Uint8Array(0)): Uint8Array {
  const bytes = payload instanceof Uint8Array ? payload : new TextEncoder().encode(JSON.stringify(payload))
  const frame = new Uint8Array(HEADER + bytes.length)
  new DataView(frame.buffer).setUint32(0, bytes.length)
  frame[4] = KINDS.indexOf(kind)
  frame.set(bytes, HEADER)
  return frame
}

/** Hears the frames of a byte stream. Answers "wait" to be left alone until `resume`. */
export interface FrameListener {
  /** A whole frame of any kind but body. */
  onFrame(kind: Exclude<FrameKind, "body">, payload: unknown): "go on" | "wait"
  /** A piece of a body frame, valid during the call. */
  onBody(bytes: Uint8Array): "go on" | "wait"
}

/** Takes a byte stream apart, however it was cut. */
export class FrameReader {
  readonly #listener: FrameListener
  #held: Uint8Array = new Uint8Array(0)
  #waiting = false
  /** Bytes of the body frame under way that are still to come. */
  #bodyLeft = 0

  constructor(listener: FrameListener) {
    this.#listener = listener
  }

  push(chunk: Uint8Array): void {
    const all = new Uint8Array(this.#held.length + chunk.length)
    all.set(this.#held)
    all.set(chunk, this.#held.length)
    this.#held = all
    this.#read()
  }

  resume(): void {
    this.#waiting = false
    this.#read()
  }

  #read(): void {
    let at = 0
    const all = this.#held
    while (!this.#waiting) {
      if (this.#bodyLeft > 0) {
        if (at === all.length) break
        const part = all.subarray(at, at + this.#bodyLeft)
        at += part.length
        this.#bodyLeft -= part.length
        this.#waiting = this.#listener.onBody(part) === "wait"
        continue
      }
      if (all.length - at < HEADER) break
      const length = new DataView(all.buffer, all.byteOffset + at).getUint32(0)
      const kind = KINDS[all[at + 4]!]!
      if (kind === "body") {
        at += HEADER
        this.#bodyLeft = length
        continue
      }
      if (all.length - at < HEADER + length) break
      const text = new TextDecoder().decode(all.subarray(at + HEADER, at + HEADER + length))
      at += HEADER + length
      this.#waiting = this.#listener.onFrame(kind, length === 0 ? undefined : JSON.parse(text)) === "wait"
    }
    this.#held = all.slice(at)
  }
}
