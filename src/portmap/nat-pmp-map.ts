import type { Timer } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import type { UdpSocket } from "../ports/udp.js"
import {
  decodeMappingAnswer,
  encodeMappingRequest,
  type MappedProtocol,
  type MappingAnswer,
  NAT_PMP_PORT,
} from "./nat-pmp.js"
import { outsideName } from "./outside-name.js"

/** Seconds a mapping is asked for (RFC 6886, 3.3: two hours). */
const LIFETIME = 7200
/** Seconds between renewals, whatever the router says. */
const SHORTEST_RENEWAL = 60
/** Seconds until a router that did not do it is asked again: it may be starting, or have no address for now. */
const RETRY = 3600
/** ms until a request is sent again; then twice that, and so on, nine times in all (RFC 6886, 3.1). */
const FIRST_WAIT = 250
const ATTEMPTS = 9

export interface NatPmpMapOptions {
  readonly platform: Pick<Platform, "clock" | "udp" | "log">
  /** The router's IPv4 address. */
  readonly gateway: string
  /** Ours, TCP and UDP; outside, the same is preferred. */
  readonly port: number
  /** Peers are let in at this TCP port from now on. */
  readonly onOuterPort: (outerPort: number) => void
  /** Whether peers are let in by other means: then a failure is no news. */
  readonly isMappedOtherwise?: () => boolean
}

/**
 * Asks the router by NAT-PMP (RFC 6886) to let peers from outside in, and keeps it so. What comes of it is said in the log:
 * whether it works costs speed, not correctness.
 */
export class NatPmpMap {
  #socket: UdpSocket | undefined
  readonly #requests: readonly Request[]

  private constructor(options: NatPmpMapOptions) {
    this.#requests = (["tcp", "udp"] as const).map((protocol) => new Request(options, protocol, () => this.#socket))
  }

  /** Begins. Never rejects. */
  static async open(options: NatPmpMapOptions): Promise<NatPmpMap> {
    const map = new NatPmpMap(options)
    const { udp, log } = options.platform
    try {
      map.#socket = await udp.open({ family: 4, port: 0 }, (datagram, { host, port }) => {
        // Others on the network could say anything (RFC 6886, 3.1).
        if (host !== options.gateway || port !== NAT_PMP_PORT) return
        for (const request of map.#requests) request.receive(datagram)
      })
    } catch (error) {
      log.log("warn", "portmap", `the router can't be asked: ${String(error)}`)
      return map
    }
    for (const request of map.#requests) request.start()
    return map
  }

  /** Whether peers are let in, TCP and UDP. */
  get mapped(): boolean {
    return this.#requests.every(({ mapped }) => mapped)
  }

  /** Takes the mappings back. */
  async close(): Promise<void> {
    for (const request of this.#requests) request.stop()
    await this.#socket?.close()
  }
}

/** The mapping of one protocol. */
class Request {
  readonly #options: NatPmpMapOptions
  readonly #protocol: MappedProtocol
  readonly #socket: () => UdpSocket | undefined
  #attempts = 0
  #asked = false
  #mapped = false
  /** What the router gave last, or else ours: asked for at the next time. */
  #outerPort: number
  /** What was wrong the last time. */
  #fault = ""
  #timer: Timer | undefined

  constructor(options: NatPmpMapOptions, protocol: MappedProtocol, socket: () => UdpSocket | undefined) {
    this.#options = options
    this.#protocol = protocol
    this.#socket = socket
    this.#outerPort = options.port
  }

  get mapped(): boolean {
    return this.#mapped
  }

  start(): void {
    this.#asked = true
    this.#attempts = 0
    this.#ask()
  }

  stop(): void {
    this.#timer?.cancel()
    // An answer may be on its way.
    if (this.#mapped || this.#asked) this.#send(0)
    this.#asked = false
    this.#mapped = false
  }

  receive(datagram: Uint8Array): void {
    const { port } = this.#options
    const answer = this.#asked ? decodeMappingAnswer(datagram, { protocol: this.#protocol, port }) : undefined
    if (answer === undefined) return
    this.#asked = false
    this.#timer?.cancel()
    if (answer.kind === "refused") this.#failed(`does not let peers in at ${this.#name}: ${answer.reason}`)
    else this.#take(answer)
  }

  #take({ outerPort, lifetime }: Extract<MappingAnswer, { kind: "mapped" }>): void {
    const { port, platform, onOuterPort } = this.#options
    const isNew = !this.#mapped || outerPort !== this.#outerPort
    this.#fault = ""
    this.#mapped = true
    this.#outerPort = outerPort
    if (isNew) {
      const where = outsideName(this.#protocol, outerPort, port)
      platform.log.log("info", "portmap", `the router lets peers in at ${where}`)
      if (this.#protocol === "tcp") onOuterPort(outerPort)
    }
    const renewal = Math.max(Math.min(lifetime, LIFETIME) / 2, SHORTEST_RENEWAL)
    this.#timer = platform.clock.after(renewal * 1000, () => this.start())
  }

  #ask(): void {
    if (this.#attempts === ATTEMPTS) {
      this.#asked = false
      this.#failed(`does not answer NAT-PMP: unless UPnP works, let peers in at ${this.#name} by hand, if you can`)
      return
    }
    this.#send(LIFETIME)
    const wait = FIRST_WAIT * 2 ** this.#attempts++
    this.#timer = this.#options.platform.clock.after(wait, () => this.#ask())
  }

  #send(lifetime: number): void {
    const { gateway, port } = this.#options
    const request = encodeMappingRequest({ protocol: this.#protocol, port, outerPort: this.#outerPort, lifetime })
    this.#socket()?.send(request, { host: gateway, port: NAT_PMP_PORT })
  }

  /** There is no mapping, for now. It is said once. */
  #failed(what: string): void {
    const { platform, gateway, isMappedOtherwise } = this.#options
    this.#mapped = false
    this.#timer = platform.clock.after(RETRY * 1000, () => this.start())
    if (this.#fault === what) return
    this.#fault = what
    platform.log.log(isMappedOtherwise?.() ? "debug" : "warn", "portmap", `the router at ${gateway} ${what}`)
  }

  get #name(): string {
    const { port } = this.#options
    return outsideName(this.#protocol, port, port)
  }
}
