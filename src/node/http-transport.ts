import type { AddressClass } from "../bytes/address-policy.js"
import type { Family } from "../bytes/ip.js"
import type { HttpError } from "../ports/http.js"

/** Lower-case names. */
export type Headers = Readonly<Record<string, string>>

/** What the sender of one request hears. After `onEnd`, `onStale` or `onError` nothing follows. */
export interface TransportListener {
  /** Of a request that was sent behind another: that one's answer is whole, and its own is next. */
  onTurn(): void
  onHead(status: number, headers: Headers): void
  /** `chunk` is only valid during the call. */
  onData(chunk: Uint8Array): void
  onEnd(): void
  /** A kept connection was closed before it brought a byte of the answer, so the request may be sent again. */
  onStale(): void
  onError(error: HttpError): void
}

/** A request under way. */
export interface Sent {
  /** Whether its connection had brought an answer before. */
  readonly reused: boolean
  /** Over which the host is connected to; undefined before it is, and behind a proxy. */
  readonly family: Family | undefined
  pause(): void
  resume(): void
  /** `error`: why it is given up, if that is the host's fault. */
  abort(error?: HttpError): void
  /** Sends another behind it, to the same origin; undefined when that can't be. Throws as {@link Transport.send} does. */
  follow(url: URL, headers: Headers, listener: TransportListener): Sent | undefined
}

/** Sends single requests over kept connections. Redirects and time-outs are the exchange's. */
export interface Transport {
  /**
   * GETs `url` with just these headers (and what the connection itself needs), from addresses that a host of that class
   * may have, of one family alone if that is named. Nothing is heard from inside the call. Throws when the request can't be
   * sent as it is.
   */
  send(url: URL, headers: Headers, host: AddressClass, listener: TransportListener, family?: Family): Sent
  /** Closes all connections; requests under way fail. */
  close(): void
}
