import type { Socket } from "node:net"
import type { Family } from "../bytes/ip.js"
import type { Place } from "../proxy/handshake.js"
import { addressesOf, connectFirst, type FindAddresses } from "./connect-race.js"
import { type FamilyMemory, ofFamily } from "./family-memory.js"
import type { TlsSessions } from "./tls-sessions.js"
import type { WebRoute } from "./web-detour.js"

/** What a connection hears of its line. */
export interface LineListener {
  /** Called at once, and again when there is another to go on with: the one before is not to be touched any more. */
  onSocket(socket: Socket): void
  /** From now on requests may be written. */
  onOpen(): void
  /** `bytes` are only valid during the call. */
  onBytes(bytes: Uint8Array): void
}

export interface LineOptions {
  readonly place: Place
  /** Where TLS is spoken with the host; the port's own speak of nothing else. */
  readonly sessions: TlsSessions | undefined
  readonly lookup: FindAddresses
  readonly families: FamilyMemory
  /** Undefined: whichever is reached. */
  readonly family: Family | undefined
  /** May be shared: whoever listens has done with the bytes when the call returns. */
  readonly receiveBuffer: Uint8Array
}

/** Connects straight to the host. */
export function openLine(
  { place, sessions, lookup, families, family, receiveBuffer }: LineOptions,
  listener: LineListener,
): void {
  let onFirstBytes: (() => void) | undefined
  const onread = {
    buffer: receiveBuffer,
    callback: (length: number) => {
      onFirstBytes?.()
      listener.onBytes(receiveBuffer.subarray(0, length))
      return true
    },
  }
  const addresses = addressesOf(place.host, lookup).then((found) =>
    family === undefined ? families.sort(place.host, found) : ofFamily(family, place.host, found),
  )
  // Loaded when first needed: they take milliseconds that a short command feels.
  const connect = (host: string): Socket => {
    const options = { host, port: place.port, onread }
    if (sessions === undefined) return process.getBuiltinModule("node:net").connect(options)
    const secure = process.getBuiltinModule("node:tls").connect({ ...sessions.optionsFor(place), ...options })
    sessions.keepFrom(secure, place)
    return secure
  }
  const opening = connectFirst(addresses, connect, (socket, reached) => {
    socket.setNoDelay(true)
    // Whoever asked for one family says nothing of which is better.
    if (family === undefined) {
      const onError = (): void => families.failed(place.host, reached.family)
      socket.on("error", onError)
      onFirstBytes = () => {
        onFirstBytes = undefined
        socket.off("error", onError)
        families.worked(place.host, reached.family)
      }
    }
    listener.onSocket(socket)
    listener.onOpen()
  })
  listener.onSocket(opening)
}

/** Goes through a proxy, and speaks TLS with the host itself there, by the same rules as without a proxy. */
export function openLineThrough(
  route: WebRoute,
  { place, sessions }: Pick<LineOptions, "place" | "sessions">,
  listener: LineListener,
): void {
  const opening = route.open((tunnel, rest) => {
    listener.onSocket(tunnel)
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
  listener.onSocket(opening)
}
