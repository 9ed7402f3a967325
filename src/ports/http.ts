import type { Family } from "../bytes/ip.js"

/** A GET to send. */
export interface HttpRequest {
  readonly url: string
  /** Lower-case names. `host`, `user-agent` and `accept-encoding: identity` are added when absent. */
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds without a byte, connecting included, before it fails. */
  readonly idleTimeout: number
  /** The same until the head of the answer, where that may take longer. Default: `idleTimeout`. */
  readonly headTimeout?: number
  /**
   * Connects to addresses of this family alone; a host without any fails (`network`). Default: whichever is reached. Does
   * not bind a proxy, which finds the addresses itself.
   */
  readonly family?: Family
  /**
   * The user named this URL: its name may lead to a private address, until a redirect leads away from its origin; one from http
   * to https does not, where neither names a port. Default: false.
   */
  readonly namedByUser?: boolean
}

/** The head of an answer. */
export interface HttpHead {
  readonly status: number
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string>>
  /** That of the address it came from; absent behind a proxy. */
  readonly family?: Family
}

/** What the sender of a request hears. After `onEnd` or `onError` nothing follows. */
export interface HttpListener {
  onHead(head: HttpHead): void
  /** Body bytes as sent (nothing is decompressed). `chunk` is only valid during the call. */
  onData(chunk: Uint8Array): void
  /** The whole body arrived. */
  onEnd(): void
  /** It failed: refused, reset, timed out, malformed, unsafe, or the body ended too soon. */
  onError(error: HttpError): void
}

/** A request under way. */
export interface HttpExchange {
  /** Stops `onData` until `resume`; the idle time-out rests meanwhile. */
  pause(): void
  resume(): void
  /** Ends it; the listener hears nothing more. */
  abort(): void
  /**
   * Sends another GET right behind this one, which is the last on its connection: their answers come without a round trip
   * between them (pipelining, RFC 9112, 9.3.2). Its listener hears nothing before this one's `onEnd`; if this one
   * fails or is aborted, it fails (`network`).
   *
   * Undefined when that can't be: the connection has not shown yet that it is kept, is another origin's, is secure, or leads
   * through a proxy; the user named one of the two and not the other; this one is over, or was redirected.
   */
  follow(request: HttpRequest, listener: HttpListener): HttpExchange | undefined
}

/** Why a request failed, as far as the caller must tell apart. `proxy`: the proxy does not let it through, now or later. */
export type HttpFailure = "network" | "timeout" | "proxy" | "tls" | "unsafe-address" | "redirect" | "malformed"

export class HttpError extends Error {
  override readonly name = "HttpError"
  readonly failure: HttpFailure

  constructor(failure: HttpFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.failure = failure
  }
}

/**
 * HTTP and HTTPS, GET alone, connections kept alive, at most five redirects followed (never from https to http).
 *
 * Private and loopback addresses are reached when the URL itself names them (an address, `localhost`, a name without a
 * dot or under `.local`, `.lan`, `.internal`, `.home.arpa`); a public name leads to one only if the user named it, and a
 * redirect from a public place never does. Link-local and cloud-metadata addresses are always refused (`unsafe-address`).
 */
export interface Http {
  get(request: HttpRequest, listener: HttpListener): HttpExchange
  /** Closes idle connections. */
  close(): Promise<void>
}
