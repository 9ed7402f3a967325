import { concatBytes } from "../bytes/concat.js"
import { toLatin1 } from "../bytes/text.js"
import type { Timer } from "../ports/clock.js"
import type { ByteStream, StreamListener } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"

/** Bytes of an answer at most: descriptions are some thousand long. */
const MAX_ANSWER = 64 * 1024

export interface RouterAnswer {
  readonly status: number
  readonly body: string
}

/**
 * One question to the router over HTTP/1.0, at a connection of its own. It goes to the address that is named and nowhere
 * else: no name is looked up, no redirect followed.
 */
export class RouterExchange implements StreamListener {
  /** Rejects when there is no whole answer in time, or one that is too long. */
  readonly answer: Promise<RouterAnswer>
  readonly #stream: ByteStream
  readonly #request: Uint8Array
  readonly #timer: Timer
  #settle!: { resolve: (answer: RouterAnswer) => void; reject: (error: Error) => void }
  #received = new Uint8Array(0)

  /** `timeout`: ms for all of it. */
  constructor(
    { net, clock }: Pick<Platform, "net" | "clock">,
    { url, request, timeout }: { readonly url: URL; readonly request: Uint8Array; readonly timeout: number },
  ) {
    this.#request = request
    this.answer = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#timer = clock.after(timeout, () => this.#fail("the router did not answer in time"))
    this.#stream = net.connect({ host: url.hostname, port: url.port === "" ? 80 : Number(url.port) }, this)
  }

  /** Ends it. */
  cancel(): void {
    this.#fail("not needed any more")
  }

  onOpen(): void {
    this.#stream.write(this.#request)
  }

  onData(chunk: Uint8Array): void {
    if (this.#received.length + chunk.length > MAX_ANSWER) {
      this.#fail("the router's answer is too long")
      return
    }
    this.#received = concatBytes(this.#received, chunk)
    const answer = decodeAnswer(this.#received, false)
    if (answer === undefined) return
    this.#settle.resolve(answer)
    this.#end()
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    const answer = error === undefined ? decodeAnswer(this.#received, true) : undefined
    if (answer === undefined) this.#settle.reject(error ?? new Error("the router ended its answer too soon"))
    else this.#settle.resolve(answer)
    this.#timer.cancel()
  }

  #fail(reason: string): void {
    this.#settle.reject(new Error(reason))
    this.#end()
  }

  #end(): void {
    this.#timer.cancel()
    this.#stream.destroy()
  }
}

/** Undefined: it is not whole. `ended`: nothing more will come. */
export function decodeAnswer(bytes: Uint8Array, ended: boolean): RouterAnswer | undefined {
  const text = toLatin1(bytes)
  const headEnd = text.indexOf("\r\n\r\n")
  if (headEnd < 0) return undefined
  const head = text.slice(0, headEnd)
  const status = /^HTTP\/1\.\d (\d{3})\b/i.exec(head)?.[1]
  if (status === undefined) return undefined
  const length = /^content-length:[ \t]*(\d{1,9})[ \t]*$/im.exec(head)?.[1]
  const body = text.slice(headEnd + 4)
  if (length === undefined ? !ended : body.length < Number(length)) return undefined
  return { status: Number(status), body: length === undefined ? body : body.slice(0, Number(length)) }
}
