import type { LookupFunction, Socket } from "node:net"
import type { Family } from "../bytes/ip.js"
import type { Place } from "../proxy/handshake.js"
import { type FamilyMemory, ofFamily } from "./family-memory.js"
import type { TlsSessions } from "./tls-sessions.js"
import type { WebRoute } from "./web-detour.js"

/** Milliseconds until the host's next address is tried too (RFC 8305 says 250, which slow links need for themselves). */
const NEXT_ADDRESS_AFTER = 1_000

/** What a connection hears of its line. */
export interface LineListener {
  /** Called at once, and again when TLS begins: from then on, what it runs over is not to be touched. */
  onSocket(socket: Socket): void
  /** From now on requests may be written; they may be before it, too, when it is straight to the host. */
  onOpen(): void
  /** `bytes` are only valid during the call. */
  onBytes(bytes: Uint8Array): void
}

export interface LineOptions {
  readonly place: Place
  /** Where TLS is spoken with the host; the port's own speak of nothing else. */
  readonly sessions: TlsSessions | undefined
  readonly lookup: LookupFunction
  readonly families: FamilyMemory
  /** Undefined: whichever is reached. */
  readonly family: Family | undefined
  /** May be shared: whoever listens has done with the bytes when the call returns. */
  readonly receiveBuffer: Uint8Array
}

/** Connects straight to the host; requests may be written at once. */
export function openLine(
  { place, sessions, lookup, families, family, receiveBuffer }: LineOptions,
  listener: LineListener,
): void {
  const to = {
    ...place,
    lookup: family === undefined ? families.sorting(lookup) : ofFamily(family, lookup),
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER,
    onread: {
      buffer: receiveBuffer,
      callback: (length: number) => {
        listener.onBytes(receiveBuffer.subarray(0, length))
        return true
      },
    },
  }
  // Loaded when first needed: they take milliseconds that a short command feels.
  let socket: Socket
  if (sessions === undefined) socket = process.getBuiltinModule("node:net").connect(to)
  else {
    const secure = process.getBuiltinModule("node:tls").connect({ ...to, ...sessions.optionsFor(place) })
    // TLS leaves the option out.
    secure.once("connect", () => secure.setNoDelay(true))
    sessions.keepFrom(secure, place)
    socket = secure
  }
  // Whoever asked for one family says nothing of which is better.
  if (family === undefined) socket.once("connect", () => families.connected(place.host, socket.remoteFamily))
  listener.onSocket(socket)
  listener.onOpen()
}

/** Goes through a proxy, and speaks TLS with the host itself there, by the same rules as without a proxy. */
export function openLineThrough(
  route: WebRoute,
  { place, sessions }: Pick<LineOptions, "place" | "sessions">,
  listener: LineListener,
): void {
  const tunnel = route.open((rest) => {
    if (sessions !== undefined && rest.length > 0) {
      // TLS begins with our word.
      tunnel.destroy(new Error("the proxy says more than it was asked"))
      return
    }
    let socket = tunnel
    if (sessions !== undefined) {
      const secure = process.getBuiltinModule("node:tls").connect({ socket: tunnel, ...sessions.optionsFor(place) })
      sessions.keepFrom(secure, place)
      listener.onSocket(secure)
      socket = secure
    }
    socket.on("data", (chunk) => listener.onBytes(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)))
    listener.onOpen()
    if (rest.length > 0) listener.onBytes(rest)
  })
  listener.onSocket(tunnel)
}
