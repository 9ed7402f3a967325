import { parseIp } from "../bytes/ip.js"
import { ipScope } from "../bytes/ip-scope.js"
import { messageOf } from "../errors.js"
import type { Timer } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import { encodeCall, encodeGet, findServices, IGD_ERROR, type IgdService, routerUrl, textOf } from "./igd.js"
import type { MappedProtocol } from "./nat-pmp.js"
import { outsideName } from "./outside-name.js"
import { type RouterAnswer, RouterExchange } from "./router-exchange.js"
import { decodeSearchAnswer, encodeSearch, SSDP_GROUP } from "./ssdp.js"

/** Seconds a mapping is asked for; it is renewed at half of that. */
const LIFETIME = 7200
/** When the search is sent, ms: datagrams are lost. */
const SEARCHES = [0, 1_000, 3_000]
/** ms until a router that has not answered the search will not. */
const SEARCH_TIME = 6_000
/** ms for one question to the router; and at the end, when somebody waits. */
const ANSWER_TIME = 5_000
const GOODBYE_TIME = 1_000
/** Where others of our network have the one that we want, so many are tried: among those that are for such use (RFC 6335, 6). */
const OTHER_PORTS = 4
const FIRST_DYNAMIC_PORT = 49_152

const PROTOCOLS = ["tcp", "udp"] as const

export interface UpnpMapOptions {
  readonly platform: Pick<Platform, "clock" | "random" | "net" | "udp" | "log">
  /** The router's IPv4 address: nobody else is listened to, or asked. */
  readonly gateway: string
  /** Ours in its network. */
  readonly ownAddress: string
  /** Ours, TCP and UDP; outside, the same is preferred. */
  readonly port: number
  /** Peers are let in at this TCP port from now on. */
  readonly onOuterPort: (outerPort: number) => void
}

/** The router refused, with a number of UPnP's. */
class Refusal extends Error {
  readonly code: number

  constructor(code: number, reason: string) {
    super(reason)
    this.code = code
  }
}

/** Asks the router by UPnP (IGD 1 and 2) to let peers from outside in, and keeps it so. What comes of it is said in the log. */
export class UpnpMap {
  readonly #options: UpnpMapOptions
  /** The outer ports that were asked for: they are to be taken back, whatever came of it. */
  readonly #asked = new Map<MappedProtocol, number>()
  readonly #mapped = new Set<MappedProtocol>()
  #service: IgdService | undefined
  #exchange: RouterExchange | undefined
  #endSearch: (() => void) | undefined
  #timer: Timer | undefined
  #working: Promise<void> = Promise.resolve()
  #said = ""
  #closed = false

  constructor(options: UpnpMapOptions) {
    this.#options = options
  }

  /** Begins. */
  start(): void {
    this.#working = this.#work()
  }

  /** Whether peers are let in, TCP and UDP. */
  get mapped(): boolean {
    return this.#mapped.size === PROTOCOLS.length
  }

  /** Takes the mappings back. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#endSearch?.()
    this.#exchange?.cancel()
    await this.#working
    const service = this.#service
    if (service === undefined) return
    const goodbyes = [...this.#asked].map(([protocol, outerPort]) => {
      const request = encodeCall(service, "DeletePortMapping", outside(protocol, outerPort))
      return new RouterExchange(this.#options.platform, { url: service.url, request, timeout: GOODBYE_TIME }).answer
    })
    await Promise.allSettled(goodbyes)
  }

  /** One round. Never rejects. */
  async #work(): Promise<void> {
    try {
      this.#service ??= await this.#find()
      for (const protocol of PROTOCOLS) await this.#map(this.#service, protocol, this.#preferredPort(protocol))
    } catch (error) {
      if (this.#closed) return
      // Another answers at another place after a restart.
      this.#service = undefined
      this.#mapped.clear()
      this.#say("info", `no peers are let in by UPnP: ${messageOf(error)}`)
    }
    if (!this.#closed) this.#timer = this.#options.platform.clock.after(LIFETIME * 500, () => this.start())
  }

  async #find(): Promise<IgdService> {
    const { gateway } = this.#options
    const location = await this.#search()
    if (location === undefined) throw new Error(`the router at ${gateway} does not answer`)
    const { status, body } = await this.#ask(location, encodeGet(location))
    const services = status === 200 ? findServices(body, location, gateway) : []
    // A router may have several, of which one is connected.
    for (const service of services) if (await this.#isConnected(service)) return service
    const [first] = services
    if (first === undefined) throw new Error(`the router at ${gateway} maps no ports`)
    return first
  }

  /** Where the router describes itself; undefined: it does not answer. */
  async #search(): Promise<URL | undefined> {
    const { platform, gateway } = this.#options
    const { clock, udp } = platform
    let found: (location: URL | undefined) => void = () => {}
    const location = new Promise<URL | undefined>((resolve) => {
      found = resolve
    })
    const socket = await udp.open({ family: 4, port: 0 }, (datagram, { host }) => {
      const text = host === gateway ? decodeSearchAnswer(datagram) : undefined
      const url = text === undefined ? undefined : routerUrl(text, gateway)
      if (url !== undefined) found(url)
    })
    const search = (): void => {
      for (const version of [1, 2] as const) {
        socket.send(encodeSearch(version), SSDP_GROUP)
        // Where multicast does not get through; UPnP 1.1 allows it.
        socket.send(encodeSearch(version), { host: gateway, port: SSDP_GROUP.port })
      }
    }
    const timers = SEARCHES.map((delay) => clock.after(delay, search))
    timers.push(clock.after(SEARCH_TIME, () => found(undefined)))
    this.#endSearch = () => found(undefined)
    if (this.#closed) found(undefined)
    try {
      return await location
    } finally {
      for (const timer of timers) timer.cancel()
      await socket.close()
    }
  }

  /** Outside: the one that it was, or that of TCP, since who tries uTP does so at the number that is known of TCP. */
  #preferredPort(protocol: MappedProtocol): number {
    return this.#asked.get(protocol) ?? this.#asked.get("tcp") ?? this.#options.port
  }

  async #isConnected(service: IgdService): Promise<boolean> {
    const answer = await this.#call(service, "GetExternalIPAddress", {}).catch(() => undefined)
    const address = parseIp(answer === undefined ? "" : (textOf(answer.body, "NewExternalIPAddress") ?? ""))
    if (address === undefined || address.every((byte) => byte === 0)) return false
    if (ipScope(address) !== "public") {
      this.#say("info", "the router has no public address itself: another one before it may let nobody in")
    }
    return true
  }

  /** `others`: how many other ports are to be tried where `outerPort` is somebody else's. */
  async #map(service: IgdService, protocol: MappedProtocol, outerPort: number, others = OTHER_PORTS): Promise<void> {
    const { platform, port, onOuterPort } = this.#options
    try {
      await this.#add(service, protocol, outerPort, LIFETIME).catch((error: unknown) => {
        if (!(error instanceof Refusal) || error.code !== IGD_ERROR.onlyPermanentLeases) throw error
        return this.#add(service, protocol, outerPort, 0)
      })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      // It is somebody else's.
      this.#asked.delete(protocol)
      this.#mapped.delete(protocol)
      const isTaken = error.code === IGD_ERROR.conflict
      if (isTaken && others > 0) {
        const other = FIRST_DYNAMIC_PORT + platform.random.below(65_536 - FIRST_DYNAMIC_PORT)
        return this.#map(service, protocol, other, others - 1)
      }
      const why = isTaken ? `has that and ${OTHER_PORTS} others for somebody else already` : error.message
      this.#say("warn", `the router does not let peers in at ${outsideName(protocol, port, port)}: it ${why}`)
      return
    }
    if (this.#mapped.has(protocol)) return
    this.#mapped.add(protocol)
    this.#say("info", `the router lets peers in at ${outsideName(protocol, outerPort, port)}, by UPnP`)
    if (protocol === "tcp") onOuterPort(outerPort)
  }

  /** `lifetime`: seconds; 0 is for ever. */
  async #add(service: IgdService, protocol: MappedProtocol, outerPort: number, lifetime: number): Promise<void> {
    const { port, ownAddress } = this.#options
    this.#asked.set(protocol, outerPort)
    await this.#call(service, "AddPortMapping", {
      ...outside(protocol, outerPort),
      NewInternalPort: String(port),
      NewInternalClient: ownAddress,
      NewEnabled: "1",
      NewPortMappingDescription: "academictorrents",
      NewLeaseDuration: String(lifetime),
    })
  }

  async #call(service: IgdService, action: string, args: Readonly<Record<string, string>>): Promise<RouterAnswer> {
    const answer = await this.#ask(service.url, encodeCall(service, action, args))
    if (answer.status === 200) return answer
    const code = Number(textOf(answer.body, "errorCode") ?? answer.status)
    throw new Refusal(code, `refuses with error ${code}`)
  }

  async #ask(url: URL, request: Uint8Array): Promise<RouterAnswer> {
    if (this.#closed) throw new Error("not needed any more")
    this.#exchange = new RouterExchange(this.#options.platform, { url, request, timeout: ANSWER_TIME })
    return this.#exchange.answer
  }

  #say(level: "info" | "warn", what: string): void {
    if (this.#said === what) return
    this.#said = what
    this.#options.platform.log.log(level, "portmap", what)
  }
}

function outside(protocol: MappedProtocol, outerPort: number): Record<string, string> {
  return { NewRemoteHost: "", NewExternalPort: String(outerPort), NewProtocol: protocol.toUpperCase() }
}
