import { endpointKey } from "../bytes/endpoint-key.js"
import { type Family, familyOf, formatIp, parseIp } from "../bytes/ip.js"
import { ProtocolError } from "../errors.js"
import type { Timer } from "../ports/clock.js"
import type { Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { UdpSocket } from "../ports/udp.js"
import {
  type AnnounceAnswer,
  type AnnounceOutcome,
  type AnnounceRequest,
  failed,
  type ScrapeOutcome,
  type TrackerFailure,
} from "./announce.js"
import type { UdpTarget } from "./tracker-url.js"
import {
  decodeAnnounce,
  decodeConnect,
  decodeError,
  decodeHeader,
  decodeScrape,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
  UDP_ACTION,
} from "./udp-announce.js"
import { resolveUdpTarget, type UdpPlace } from "./udp-place.js"

/** BEP 15: wait 15 × 2^n seconds for an answer, then send again. */
const FIRST_TIMEOUT = 15_000

/** BEP 15 lets n grow to 8, more than an hour; a tracker silent for 225 s has failed, and others are asked meanwhile. */
const MAX_N = 3

/** BEP 15: how long a client may use a connection id. */
const CONNECTION_ID_LIFE = 60_000

/** A request that waits for its answer. */
interface Pending {
  readonly place: UdpPlace
  readonly action: number
  readonly settle: (answer: Reply) => void
}

/** What opentracker sends for a torrent that it does not serve. */
const TOO_SHORT = "the answer is too short: the tracker may not serve this torrent"

type Reply =
  | { readonly kind: "answer"; readonly datagram: Uint8Array; readonly family: Family }
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "silent" }
  | { readonly kind: "stopped" }

interface Connection {
  readonly id: bigint
  readonly expiresAt: number
}

/**
 * Speaks BEP 15 with any number of trackers, over one socket for each address family, opened when first needed. No
 * method rejects.
 */
export class UdpClient {
  readonly #platform: Pick<Platform, "clock" | "random" | "net" | "udp">
  readonly #sockets = new Map<Family, Promise<UdpSocket>>()
  /** By transaction id. */
  readonly #pending = new Map<number, Pending>()
  /** By address and port. */
  readonly #connections = new Map<string, Connection>()
  /** Address and port of those that answered the last announce to them. */
  readonly #met = new Set<string>()
  readonly #closing = new AbortController()

  constructor(platform: Pick<Platform, "clock" | "random" | "net" | "udp">) {
    this.#platform = platform
  }

  /**
   * Announces to one IPv4 and one IPv6 address of the tracker at once (BEP 7), as far as it has them. The first answer
   * decides; a later one of the other family goes to `onLate`. A goodbye waits for the answers of both, if both have answered
   * before: what is under way ends with it, and a tracker that did not hear it goes on naming us.
   */
  async announce(
    target: UdpTarget,
    request: AnnounceRequest,
    signal: AbortSignal,
    onLate: (answer: AnnounceAnswer) => void,
  ): Promise<AnnounceOutcome> {
    const places = await this.#places(target, signal)
    if ("kind" in places) return places
    const attempts = places.map((place) => this.#announceAt(place, request, target.urlData, signal))
    const outcome = firstAnswered(attempts, ({ answer }) => onLate(answer))
    if (request.event === "stopped")
      await Promise.all(attempts.filter((_, at) => this.#met.has(endpointKey(places[at]!))))
    return outcome
  }

  /** Asks for the counts of one torrent. */
  async scrape(target: UdpTarget, infoHash: Uint8Array, signal: AbortSignal): Promise<ScrapeOutcome> {
    const places = await this.#places(target, signal)
    if ("kind" in places) return places
    const attempts = places.map(async (place): Promise<ScrapeOutcome> => {
      const encode = (connection: bigint, id: number): Uint8Array => encodeScrape(connection, id, infoHash)
      const reply = await this.#request(place, UDP_ACTION.scrape, encode, signal)
      if (reply.kind !== "answer") return failureOf(reply)
      const counts = decodeScrape(reply.datagram)
      return counts === undefined ? failed(TOO_SHORT) : { kind: "answered", counts }
    })
    return firstAnswered(attempts, () => {})
  }

  /** Ends what waits, and closes the sockets. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const pending of [...this.#pending.values()]) pending.settle({ kind: "stopped" })
    const sockets = await Promise.allSettled(this.#sockets.values())
    for (const socket of sockets) if (socket.status === "fulfilled") await socket.value.close()
  }

  #places(target: UdpTarget, signal: AbortSignal): Promise<readonly UdpPlace[] | TrackerFailure> {
    return resolveUdpTarget(this.#platform, target, signal, (place) => this.#met.has(endpointKey(place)))
  }

  async #announceAt(
    place: UdpPlace,
    request: AnnounceRequest,
    urlData: string,
    signal: AbortSignal,
  ): Promise<AnnounceOutcome> {
    const encode = (connection: bigint, id: number): Uint8Array => encodeAnnounce(connection, id, request, urlData)
    const reply = await this.#request(place, UDP_ACTION.announce, encode, signal)
    if (reply.kind === "silent") this.#met.delete(endpointKey(place))
    if (reply.kind !== "answer") return failureOf(reply)
    const answer = decodeAnnounce(reply.datagram, reply.family)
    if (answer === undefined) return failed(TOO_SHORT)
    this.#met.add(endpointKey(place))
    return { kind: "answered", answer }
  }

  /** A request with all it takes: a connection id, sending again, and a fresh id when a kept one is refused. */
  async #request(
    place: UdpPlace,
    action: number,
    encode: (connectionId: bigint, transactionId: number) => Uint8Array,
    signal: AbortSignal,
  ): Promise<Reply> {
    let refused = false
    for (let n = 0; n <= MAX_N; ) {
      const kept = this.#connection(place)
      let connection = kept
      if (connection === undefined) {
        const reply = await this.#exchange(place, UDP_ACTION.connect, encodeConnect, n, signal)
        if (reply.kind === "error" || reply.kind === "stopped") return reply
        connection = reply.kind === "answer" ? this.#keepConnection(place, reply.datagram) : undefined
      }
      if (connection !== undefined) {
        const send = (transactionId: number): Uint8Array => encode(connection, transactionId)
        const reply = await this.#exchange(place, action, send, n, signal)
        if (reply.kind === "answer" || reply.kind === "stopped") return reply
        if (reply.kind === "error") {
          // A tracker that was restarted does not know the ids it gave before.
          if (kept === undefined || refused) return reply
          refused = true
          this.#connections.delete(endpointKey(place))
          continue
        }
      }
      n++
    }
    return { kind: "silent" }
  }

  /** One datagram and its answer, if that comes in time. */
  #exchange(
    place: UdpPlace,
    action: number,
    encode: (transactionId: number) => Uint8Array,
    n: number,
    signal: AbortSignal,
  ): Promise<Reply> {
    if (this.#closing.signal.aborted || signal.aborted) return Promise.resolve({ kind: "stopped" })
    return new Promise((resolve) => {
      const transactionId = this.#freshTransactionId()
      const pending: Pending = {
        place,
        action,
        settle: (reply) => {
          timer.cancel()
          signal.removeEventListener("abort", onAbort)
          this.#pending.delete(transactionId)
          resolve(reply)
        },
      }
      const onAbort = (): void => pending.settle({ kind: "stopped" })
      const timer: Timer = this.#platform.clock.after(FIRST_TIMEOUT * 2 ** n, () => pending.settle({ kind: "silent" }))
      signal.addEventListener("abort", onAbort)
      this.#pending.set(transactionId, pending)
      this.#socket(place.family).then(
        (socket) => {
          if (this.#pending.get(transactionId) === pending) socket.send(encode(transactionId), place)
        },
        (error: unknown) => {
          const message = error instanceof ProtocolError ? error.message : `no IPv${place.family} socket can be opened`
          pending.settle({ kind: "error", message })
        },
      )
    })
  }

  /** An answer counts when it comes from the place that was asked and carries the transaction id (BEP 15). */
  #onMessage(datagram: Uint8Array, from: Endpoint): void {
    const header = decodeHeader(datagram)
    const pending = header === undefined ? undefined : this.#pending.get(header.transactionId)
    if (header === undefined || pending === undefined || !isFrom(pending.place, from)) return
    const family = familyOf(from.host)
    if (header.action === pending.action) pending.settle({ kind: "answer", datagram, family })
    else if (header.action === UDP_ACTION.error) pending.settle({ kind: "error", message: decodeError(datagram) })
  }

  #connection(place: UdpPlace): bigint | undefined {
    const connection = this.#connections.get(endpointKey(place))
    if (connection === undefined || connection.expiresAt > this.#platform.clock.now()) return connection?.id
    this.#connections.delete(endpointKey(place))
    return undefined
  }

  #keepConnection(place: UdpPlace, datagram: Uint8Array): bigint | undefined {
    const id = decodeConnect(datagram)
    if (id === undefined) return undefined
    const now = this.#platform.clock.now()
    for (const [name, { expiresAt }] of this.#connections) if (expiresAt <= now) this.#connections.delete(name)
    this.#connections.set(endpointKey(place), { id, expiresAt: now + CONNECTION_ID_LIFE })
    return id
  }

  #freshTransactionId(): number {
    for (;;) {
      const id = this.#platform.random.below(2 ** 32)
      if (!this.#pending.has(id)) return id
    }
  }

  #socket(family: Family): Promise<UdpSocket> {
    const open = this.#sockets.get(family)
    if (open !== undefined) return open
    const { signal } = this.#closing
    const opening = this.#platform.udp.open({ family, port: 0, signal }, (datagram, from) => {
      this.#onMessage(datagram, from)
    })
    this.#sockets.set(family, opening)
    // A machine that has no IPv6 now may have it at the next announce.
    opening.catch(() => this.#sockets.delete(family))
    return opening
  }
}

/** The first answer, or the first failure when there is none. Answers after the first go to `onLate`. */
function firstAnswered<A extends { readonly kind: "answered" }>(
  attempts: readonly Promise<A | TrackerFailure>[],
  onLate: (outcome: A) => void,
): Promise<A | TrackerFailure> {
  return new Promise((resolve, reject) => {
    let answered = false
    let failure: TrackerFailure | undefined
    let open = attempts.length
    for (const attempt of attempts) {
      attempt.then((outcome) => {
        open--
        if (outcome.kind === "failed") failure ??= outcome
        else if (answered) onLate(outcome)
        else {
          answered = true
          resolve(outcome)
        }
        if (open === 0 && !answered && failure !== undefined) resolve(failure)
      }, reject)
    }
  })
}

function failureOf(reply: Exclude<Reply, { kind: "answer" }>): TrackerFailure {
  if (reply.kind === "error") return failed(reply.message)
  return failed(reply.kind === "silent" ? "no answer" : "stopped")
}

/** A name that a proxy resolved answers from an address that only the proxy knows. */
function isFrom(place: UdpPlace, from: Endpoint): boolean {
  if (from.port !== place.port) return false
  const address = parseIp(from.host)
  return parseIp(place.host) === undefined || (address !== undefined && formatIp(address) === place.host)
}
