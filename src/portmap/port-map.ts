import type { Timer } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import { NatPmpMap } from "./nat-pmp-map.js"
import { UpnpMap } from "./upnp-map.js"

/** ms that a router has for NAT-PMP, which it answers at once or not at all, before UPnP is tried as well. */
const HEAD_START = 1_000

/** The router that peers outside are behind. */
export interface Router {
  /** Its IPv4 address. */
  readonly gateway: string
  /** Ours in its network; undefined when we are in none of its: UPnP has to be told. */
  readonly ownAddress: string | undefined
}

export interface PortMapOptions extends Router {
  readonly platform: Pick<Platform, "clock" | "random" | "net" | "udp" | "log">
  /** Ours, TCP and UDP; outside, the same is preferred. */
  readonly port: number
  /** Peers are let in at this TCP port from now on. */
  readonly onOuterPort: (outerPort: number) => void
}

/** Asks the router to let peers from outside in, by NAT-PMP and else by UPnP, and keeps it so. What comes of it is in the log. */
export class PortMap {
  readonly #options: PortMapOptions
  #natPmp: NatPmpMap | undefined
  #upnp: UpnpMap | undefined
  #timer: Timer | undefined

  private constructor(options: PortMapOptions) {
    this.#options = options
  }

  /** Begins. Never rejects. */
  static async open(options: PortMapOptions): Promise<PortMap> {
    const map = new PortMap(options)
    const isMappedOtherwise = (): boolean => map.#upnp?.mapped ?? false
    map.#natPmp = await NatPmpMap.open({ ...options, isMappedOtherwise })
    map.#timer = options.platform.clock.after(HEAD_START, () => map.#tryUpnp())
    return map
  }

  /** Takes the mappings back. */
  async close(): Promise<void> {
    this.#timer?.cancel()
    await Promise.all([this.#natPmp?.close(), this.#upnp?.close()])
  }

  #tryUpnp(): void {
    const { ownAddress } = this.#options
    if (this.#natPmp?.mapped || ownAddress === undefined) return
    this.#upnp = new UpnpMap({ ...this.#options, ownAddress })
    this.#upnp.start()
  }
}
