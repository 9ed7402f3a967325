import { hostAndPort } from "../bytes/url.js"
import type { Handshake, HandshakeStep, Place } from "../proxy/handshake.js"
import { HeadReader, MalformedAnswer } from "./http1-head.js"

/** The client's side of CONNECT (RFC 9110, 9.3.6): a connection to a place, through an HTTP proxy. */
export class ConnectHandshake implements Handshake {
  readonly opening: Uint8Array
  readonly #reader = new HeadReader()

  /** `headers` are lines that each end in CRLF. */
  constructor(place: Place, headers: string) {
    const authority = hostAndPort(place)
    const head = `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${headers}\r\n`
    this.opening = new Uint8Array(Buffer.from(head, "latin1"))
  }

  read(bytes: Uint8Array): HandshakeStep {
    let end: number
    try {
      end = this.#reader.read(bytes, 0)
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error
      return { kind: "refused", reason: `does not speak HTTP: ${error.message}` }
    }
    const { head } = this.#reader
    if (head === undefined) return { kind: "more" }
    if (head.status >= 200 && head.status < 300) return { kind: "open", end }
    const reason = head.status === 407 ? "wants a user and a password" : `refused with HTTP status ${head.status}`
    return { kind: "refused", reason }
  }
}
