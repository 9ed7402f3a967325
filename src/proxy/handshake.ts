/** What a proxy's answer so far leads to. */
export type HandshakeStep =
  /** More is to come; `send` goes to the proxy now, if anything. `loggedIn`: it has heard who we are, and let us in. */
  | { readonly kind: "more"; readonly send?: Uint8Array; readonly loggedIn?: boolean }
  /** The way is open. Bytes behind the answer, which are the other end's own, begin at `end` of those just read. */
  | { readonly kind: "open"; readonly end: number }
  /**
   * The proxy won't, or speaks something else. `reason` completes "the proxy …". `lasting`: what it will refuse the next time,
   * too: who we say to be, or this place.
   */
  | { readonly kind: "refused"; readonly reason: string; readonly lasting?: "login" | "place" | undefined }

/** What is said to a proxy before its connection leads to the place that is wanted. */
export interface Handshake {
  /** To be sent first. */
  readonly opening: Uint8Array
  /** Takes what came from the proxy, in any pieces. Not to be called again after the last step. */
  read(bytes: Uint8Array): HandshakeStep
}

/** A place behind a proxy: a name or an address (IPv6 without brackets), and a port. */
export interface Place {
  readonly host: string
  readonly port: number
}

export interface Credentials {
  readonly user: string
  readonly password: string
}
