import { defaultGateway } from "../node/default-gateway.js"
import { ownAddressBeside } from "../node/own-address.js"
import { noLsdSetting } from "../node/user-settings.js"
import { VERSION } from "../node/version.js"
import type { Log } from "../ports/log.js"
import type { Platform } from "../ports/platform.js"
import { Session } from "../session/session.js"
import { dhtSettings } from "./dht-settings.js"
import type { Options } from "./options.js"
import { sharedLimits } from "./shared-limits.js"
import { trackerLimiter } from "./tracker-limiter.js"

/** The router that the user named, or that of this machine's network. */
function findRouter(mapPort: true | string, log: Log) {
  const gateway = mapPort === true ? defaultGateway() : mapPort
  if (gateway !== undefined) return { gateway, ownAddress: ownAddressBeside(gateway) }
  log.log("warn", "portmap", "no router is to be seen here: name its address")
  return undefined
}

/** Opens a dataset's sessions: one may be needed before there is a torrent, to fetch the metadata. */
export class SessionSource {
  readonly #platform: Platform
  readonly #options: Options
  #early: Promise<Session> | undefined

  constructor(platform: Platform, options: Options) {
    this.#platform = platform
    this.#options = options
  }

  /** The session that the next {@link take} gives out. */
  early(): Promise<Session> {
    this.#early ??= this.#open()
    return this.#early
  }

  /** A session, which is the caller's to close. */
  take(): Promise<Session> {
    const session = this.early()
    this.#early = undefined
    return session
  }

  /** Closes what nobody took. */
  async close(): Promise<void> {
    const session = await this.#early?.catch(() => undefined)
    await session?.close()
  }

  #open(): Promise<Session> {
    const { log } = this.#platform
    const { port, encryption, utp = true, lsd = !noLsdSetting(), mapPort = false } = this.#options
    return Session.open({
      platform: this.#platform,
      clientVersion: `academictorrents ${VERSION}`,
      port,
      encryption,
      limits: sharedLimits(),
      trackerLimiter,
      utp,
      lsd,
      router: mapPort === false ? undefined : () => findRouter(mapPort, log),
      dht: dhtSettings(this.#platform, this.#options),
    })
  }
}
