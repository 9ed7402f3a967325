import { hostAndPort } from "../bytes/url.js"
import type { Handshake, HandshakeStep, Place } from "../proxy/handshake.js"
import type { Headers } from "./http-transport.js"
import { HeadReader, MalformedAnswer } from "./http1-head.js"

export const PROXY_AUTHENTICATION_REQUIRED = 407

/** The client's side of CONNECT (RFC 9110, 9.3.6): a connection to a place, through an HTTP proxy. */
export class ConnectHandshake implements Handshake {
  readonly opening: Uint8Array
  readonly #reader = new HeadReader()
  readonly #hasLogin: boolean

  /** `headers` are lines that each end in CRLF: a login, or none. */
  constructor(place: Place, headers: string) {
    this.#hasLogin = headers !== ""
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
    const { status, headers } = head
    if (status === PROXY_AUTHENTICATION_REQUIRED) {
      return { kind: "refused", reason: loginFault(this.#hasLogin, headers), lasting: "login" }
    }
    const lasting = status === 401 || status === 403 ? "place" : undefined
    return { kind: "refused", reason: `refused with HTTP status ${status}`, lasting }
  }
}

/** Why a proxy answers 407, as it completes "the proxy …". */
export function loginFault(hasLogin: boolean, { "proxy-authenticate": offer = "" }: Headers): string {
  const fault = hasLogin ? "does not take this user and password" : "wants a user and a password"
  // Of a list of schemes with their parameters, whose quoted values may have commas of their own.
  const words = offer.replaceAll(/"[^"]*"/g, "").split(",")
  const schemes = words.map((word) => word.trim().split(" ")[0]!).filter((word) => /^[a-z][a-z0-9-]{0,20}$/i.test(word))
  return schemes.length === 0 ? fault : `${fault} (it offers: ${schemes.slice(0, 5).join(", ")})`
}
