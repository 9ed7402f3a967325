import { parseIp } from "../bytes/ip.js"
import { encodeUtf8 } from "../bytes/text.js"
import { ProtocolError } from "../errors.js"
import type { Credentials, Handshake, HandshakeStep, Place } from "./handshake.js"

/** RFC 1928 and, for user and password, RFC 1929. */
const VERSION = 5
const LOGIN_VERSION = 1
const METHOD = { none: 0, login: 2, unacceptable: 0xff } as const
const CONNECT = 1
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 } as const
/** Lengths are one byte. */
const MAX_TEXT = 255

/** RFC 1928, 6, as they complete "the proxy …". */
const REPLIES: readonly string[] = [
  "",
  "failed",
  "does not allow it",
  "can't reach the network",
  "can't reach the host",
  "was refused there",
  "found nobody in time",
  "does not make connections",
  "does not take such addresses",
]

/** The client's side of SOCKS5 (RFC 1928): asks for a connection, and leaves it to the proxy to resolve a name. */
export class Socks5Handshake implements Handshake {
  readonly opening: Uint8Array
  readonly #login: Uint8Array | undefined
  readonly #request: Uint8Array
  #state: "method" | "login" | "reply" = "method"
  /** Of an answer that is not whole yet. The longest has 262 bytes. */
  #gathered = new Uint8Array(0)

  /** @throws ProtocolError when a name, user or password is longer than the protocol has room for */
  constructor(place: Place, credentials?: Credentials) {
    this.#request = encodeRequest(place)
    this.#login = credentials === undefined ? undefined : encodeLogin(credentials)
    // A proxy that asks for nothing is taken at its word, even when there is a password.
    const methods = this.#login === undefined ? [METHOD.none] : [METHOD.none, METHOD.login]
    this.opening = Uint8Array.of(VERSION, methods.length, ...methods)
  }

  read(bytes: Uint8Array): HandshakeStep {
    const before = this.#gathered.length
    const all = new Uint8Array(before + bytes.length)
    all.set(this.#gathered)
    all.set(bytes, before)
    const length = this.#state === "reply" ? replyLength(all) : 2
    if (typeof length === "string") return refused(length)
    if (all.length < length) {
      this.#gathered = all
      return { kind: "more" }
    }
    // Before the way is open the proxy speaks only when it was spoken to.
    if (this.#state !== "reply" && all.length > length) return refused("says more than it was asked")
    this.#gathered = new Uint8Array(0)
    return this.#answered(all.subarray(0, length), length - before)
  }

  #answered(answer: Uint8Array, end: number): HandshakeStep {
    const [first, second = 0] = answer
    switch (this.#state) {
      case "method":
        if (first !== VERSION) return refused("does not speak SOCKS5")
        if (second === METHOD.login && this.#login !== undefined) {
          this.#state = "login"
          return { kind: "more", send: this.#login }
        }
        if (second !== METHOD.none) {
          return refused(this.#login === undefined ? "wants a user and a password" : "does not take user and password")
        }
        return this.#ask()
      case "login":
        return second === 0 ? this.#ask() : refused("does not take this user and password")
      case "reply":
        return { kind: "open", end }
    }
  }

  #ask(): HandshakeStep {
    this.#state = "reply"
    return { kind: "more", send: this.#request }
  }
}

function encodeRequest({ host, port }: Place): Uint8Array {
  const ip = parseIp(host)
  const address =
    ip === undefined
      ? [ADDRESS.name, ...withLength(host, "the host's name")]
      : [ip.length === 4 ? ADDRESS.ipv4 : ADDRESS.ipv6, ...ip]
  return Uint8Array.of(VERSION, CONNECT, 0, ...address, port >> 8, port & 0xff)
}

function encodeLogin({ user, password }: Credentials): Uint8Array {
  return Uint8Array.of(LOGIN_VERSION, ...withLength(user, "the user"), ...withLength(password, "the password", 0))
}

/** RFC 1929 wants a password of at least one byte; other programs send none all the same. */
function withLength(text: string, what: string, least = 1): number[] {
  const bytes = encodeUtf8(text)
  if (bytes.length < least || bytes.length > MAX_TEXT) throw new ProtocolError(`${what} is too short or too long`)
  return [bytes.length, ...bytes]
}

/** Bytes of the reply that starts here, as far as they are known; or what is wrong with it. */
function replyLength(reply: Uint8Array): number | string {
  const [version = VERSION, status = 0, , kind, nameLength = 0] = reply
  if (version !== VERSION) return "does not speak SOCKS5"
  // Who refuses need not say an address.
  if (status !== 0) return REPLIES[status] ?? `failed with the code ${status}`
  switch (kind) {
    case undefined:
      return 4
    case ADDRESS.ipv4:
      return 4 + 4 + 2
    case ADDRESS.ipv6:
      return 4 + 16 + 2
    case ADDRESS.name:
      return 4 + 1 + nameLength + 2
    default:
      return "does not speak SOCKS5"
  }
}

function refused(reason: string): HandshakeStep {
  return { kind: "refused", reason }
}
