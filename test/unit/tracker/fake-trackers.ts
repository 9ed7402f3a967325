import type { Family } from "../../../src/bytes/ip.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { type BencodeInput, encode } from "../../../src/metainfo/bencode.js"
import type { Http, HttpRequest } from "../../../src/ports/http.js"
import { HttpError } from "../../../src/ports/http.js"
import type { Endpoint } from "../../../src/ports/net.js"
import type { Platform } from "../../../src/ports/platform.js"
import type { UdpSocket } from "../../../src/ports/udp.js"
import { SimLog } from "../../sim/lib/sim-log.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { ProcessClock, VirtualClock } from "../../sim/lib/virtual-clock.js"
import { VirtualNetwork } from "../../sim/lib/virtual-network.js"
import { VirtualNet } from "../../sim/lib/virtual-tcp.js"
import { VirtualUdp } from "../../sim/lib/virtual-udp.js"

export const INFO_HASH = Uint8Array.from({ length: 20 }, (_, at) => at * 13)
export const PEER_ID = encodeUtf8("-AT0001-abcdefghijkl")

/** What a scripted HTTP tracker does with a request. */
export type HttpReply =
  | { answer: BencodeInput; after?: number }
  | { body: Uint8Array; status?: number; headers?: Record<string, string>; after?: number }
  | "silent"
  | "refused"

export interface SeenRequest {
  readonly at: number
  readonly url: string
  readonly host: string
  /** Undefined where a proxy finds the addresses. */
  readonly family: Family | undefined
  /** "none" when the request had none. */
  readonly event: string
  readonly fields: URLSearchParams
}

/** A machine with a network full of trackers that do as the test says. */
export class FakeTrackers {
  readonly clock = new VirtualClock()
  readonly random = new SimRandom("trackers")
  readonly network = new VirtualNetwork(this.clock, this.random.fork("network"))
  readonly processClock = new ProcessClock(this.clock)
  readonly log = new SimLog(this.clock)
  readonly seen: SeenRequest[] = []
  readonly aborted: string[] = []
  readonly #families = new Map<string, readonly Family[]>()
  readonly #replies = new Map<string, (request: SeenRequest) => HttpReply>()

  readonly platform: Pick<Platform, "reach" | "clock" | "random" | "net" | "udp" | "http" | "log">

  constructor() {
    const host = this.network.host(["198.51.100.1", "2001:db8::1"])
    this.platform = {
      reach: "open",
      clock: this.processClock,
      random: this.random.fork("process"),
      net: new VirtualNet(this.network, host, this.processClock),
      udp: new VirtualUdp(this.network, host, this.processClock),
      http: this.#http(),
      log: this.log,
    }
  }

  /** Says what the tracker at that host name does; the default for all others is "refused". */
  http(host: string, reply: HttpReply | ((request: SeenRequest) => HttpReply)): void {
    this.#replies.set(host, typeof reply === "function" ? reply : () => reply)
  }

  /** The families of which that name has addresses, as a direct way to it shows; the one that is reached first is first. */
  families(host: string, ...families: readonly Family[]): void {
    this.#families.set(host, families)
  }

  /** Requests to that host, as "time event". */
  events(host: string): string[] {
    return this.seen.filter((request) => request.host === host).map(({ at, event }) => `${Math.round(at)} ${event}`)
  }

  /** A UDP port on another machine. */
  async udp(
    address: string,
    port: number,
    onMessage: (datagram: Uint8Array, from: Endpoint, socket: UdpSocket) => void,
  ): Promise<void> {
    const host = this.network.host(address)
    const udp = new VirtualUdp(this.network, host, new ProcessClock(this.clock))
    const opening: Promise<UdpSocket> = udp.open({ family: address.includes(":") ? 6 : 4, port }, (datagram, from) =>
      onMessage(datagram, from, socket),
    )
    const socket = await this.clock.runUntil(opening)
  }

  #http(): Http {
    return {
      get: (request: HttpRequest, listener) => {
        const url = new URL(request.url)
        const families = this.#families.get(url.hostname)
        const family = request.family ?? families?.[0]
        const seen: SeenRequest = {
          at: this.clock.now(),
          url: request.url,
          host: url.hostname,
          family: families && family,
          event: url.searchParams.get("event") ?? "none",
          fields: url.searchParams,
        }
        const isThere = families === undefined || families.includes(family!)
        if (isThere) this.seen.push(seen)
        const reply = isThere ? (this.#replies.get(url.hostname)?.(seen) ?? "refused") : "refused"
        let over = false
        const after = typeof reply === "string" ? 10 : (reply.after ?? 10)
        this.processClock.after(after, () => {
          if (over || reply === "silent") return
          if (reply === "refused") listener.onError(new HttpError("network", `connect ECONNREFUSED ${request.url}`))
          else {
            const { status, headers, body } =
              "answer" in reply
                ? { status: 200, headers: {}, body: encode(reply.answer) }
                : { status: reply.status ?? 200, headers: reply.headers ?? {}, body: reply.body }
            const head = { status, headers }
            listener.onHead(seen.family === undefined ? head : { ...head, family: seen.family })
            // In two parts, whose memory is used again.
            const half = body.length >> 1
            for (const part of [body.slice(0, half), body.slice(half)]) {
              if (!over) listener.onData(part)
              part.fill(0xee)
            }
            if (!over) listener.onEnd()
          }
        })
        return {
          pause() {},
          resume() {},
          follow: () => undefined,
          abort: () => {
            over = true
            this.aborted.push(request.url)
          },
        }
      },
      close: () => Promise.resolve(),
    }
  }
}

/** Compact peers: `1.2.3.4:5` each. */
export function compact(...endpoints: string[]): Uint8Array {
  return Uint8Array.from(
    endpoints.flatMap((endpoint) => {
      const [host = "", port = ""] = endpoint.split(":")
      return [...host.split(".").map(Number), Number(port) >> 8, Number(port) & 0xff]
    }),
  )
}
