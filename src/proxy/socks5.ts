import { concatBytes } from "../bytes/concat.js"
import type { Credentials, Handshake, HandshakeStep, Place } from "./handshake.js"
import { decodePlace, encodePlace, placeLength, withLength } from "./socks5-address.js"

/** RFC 1928 and, for user and password, RFC 1929. */
const VERSION = 5
const LOGIN_VERSION = 1
const METHOD = { none: 0, login: 2, unacceptable: 0xff } as const
const COMMAND = { connect: 1, associate: 3 } as const
/** Where a datagram's sender is not known yet (RFC 1928, 4). */
const ANYWHERE: Place = { host: "0.0.0.0", port: 0 }

/** Of a reply, before the place: version, status, a reserved byte. */
const REPLY_HEAD = 3

/** Of a reply: its rules forbid the place (RFC 1928, 6). */
const NOT_ALLOWED = 2
/** RFC 1928, 6, as they complete "the proxy …". */
const REPLIES: readonly string[] = [
  "",
  "failed",
  "does not allow it",
  "can't reach the network",
  "can't reach the host",
  "was refused there",
  "found nobody in time",
  "does not do that",
  "does not take such addresses",
]

/**
 * The client's side of SOCKS5 (RFC 1928): asks for a connection to a place, and leaves it to the proxy to resolve a name; or,
 * without a place, for a relay of datagrams, which lasts as long as this connection.
 */
export class Socks5Handshake implements Handshake {
  readonly opening: Uint8Array
  readonly #login: Uint8Array | undefined
  readonly #request: Uint8Array
  #state: "method" | "login" | "reply" = "method"
  /** Of an answer that is not whole yet. The longest has 262 bytes. */
  #gathered = new Uint8Array(0)
  #bound: Place | undefined

  /** @throws ProtocolError when a name, user or password is longer than the protocol has room for */
  constructor(place: Place | undefined, credentials?: Credentials) {
    const command = place === undefined ? COMMAND.associate : COMMAND.connect
    this.#request = Uint8Array.of(VERSION, command, 0, ...encodePlace(place ?? ANYWHERE))
    this.#login = credentials === undefined ? undefined : encodeLogin(credentials)
    // A proxy that asks for nothing is taken at its word, even when there is a password.
    const methods = this.#login === undefined ? [METHOD.none] : [METHOD.none, METHOD.login]
    this.opening = Uint8Array.of(VERSION, methods.length, ...methods)
  }

  /** Once the way is open: the proxy's end of it, where a relay takes datagrams. */
  get bound(): Place | undefined {
    return this.#bound
  }

  read(bytes: Uint8Array): HandshakeStep {
    const before = this.#gathered.length
    const all = concatBytes(this.#gathered, bytes)
    const length = this.#state === "reply" ? replyLength(all) : 2
    if (typeof length === "string") return refused(length, all[1] === NOT_ALLOWED ? "place" : undefined)
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
          const reason = this.#login === undefined ? "wants a user and a password" : "does not take user and password"
          return refused(reason, "login")
        }
        return this.#ask()
      case "login":
        return second === 0 ? this.#ask() : refused("does not take this user and password", "login")
      case "reply":
        this.#bound = decodePlace(answer, REPLY_HEAD)
        return { kind: "open", end }
    }
  }

  #ask(): HandshakeStep {
    this.#state = "reply"
    return { kind: "more", send: this.#request, loggedIn: true }
  }
}

/** RFC 1929 wants a password of at least one byte; other programs send none all the same. */
function encodeLogin({ user, password }: Credentials): Uint8Array {
  return Uint8Array.of(LOGIN_VERSION, ...withLength(user, "the user"), ...withLength(password, "the password", 0))
}

/** Bytes of the reply that starts here, as far as they are known; or what is wrong with it. */
function replyLength(reply: Uint8Array): number | string {
  const [version = VERSION, status = 0] = reply
  if (version !== VERSION) return "does not speak SOCKS5"
  // Who refuses need not say an address.
  if (status !== 0) return REPLIES[status] ?? `failed with the code ${status}`
  const length = placeLength(reply, REPLY_HEAD)
  return length === undefined ? "does not speak SOCKS5" : REPLY_HEAD + length
}

function refused(reason: string, lasting?: "login" | "place"): HandshakeStep {
  return { kind: "refused", reason, lasting }
}
