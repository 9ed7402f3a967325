import { toHex } from "../bytes/hex.js"
import { AtError } from "../errors.js"
import { secondSwarmOf } from "../metainfo/swarm-names.js"
import { createPeerId } from "../peer/peer-id.js"
import type { PortMap, Router } from "../portmap/port-map.js"
import type { Listener } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { ConnectionBudget } from "../torrent/finding/connection-budget.js"
import type { Discovery } from "../torrent/finding/discovery.js"
import { ExternalAddress } from "../torrent/finding/external-address.js"
import type { MetadataFetch } from "../torrent/metadata/metadata-fetch.js"
import type { SharedParts } from "../torrent/shared-parts.js"
import { Torrent } from "../torrent/torrent.js"
import type { TorrentOptions } from "../torrent/torrent-options.js"
import type { HostLimiter } from "../tracker/host-limiter.js"
import { TrackerClient } from "../tracker/tracker-client.js"
import type { EncryptionPolicy } from "../wire/encryption-policy.js"
import { Arrivals } from "./arrivals.js"
import { DhtDiscovery, type DhtSettings } from "./dht-discovery.js"
import { type LimitOptions, Limits } from "./limits.js"
import { listenForPeers } from "./listen.js"
import { LsdDiscovery } from "./lsd-discovery.js"
import { MetadataFetches } from "./metadata-fetches.js"
import { OwnAddresses } from "./own-addresses.js"
import { UdpPort } from "./udp-port.js"
import { UtpTransport } from "./utp-transport.js"

export type { EncryptionPolicy } from "../wire/encryption-policy.js"

/** What trackers are told of a policy. */
const TOLD_TRACKERS = { off: "none", allow: "supported", prefer: "supported", require: "required" } as const

/** The limits are those of all torrents together. */
export interface SessionOptions extends LimitOptions {
  readonly platform: Platform
  readonly clientVersion: string
  /** Listening port, if we can be reached at all; 0: any free one; undefined: a customary one, or any. */
  readonly port?: number | undefined
  /** Of peers' connections; default `allow`. */
  readonly encryption?: EncryptionPolicy | undefined
  /** What this session shares with others. */
  readonly limits?: Limits | undefined
  /** The way to trackers, which it shares with others, too. Default: its own. */
  readonly trackerLimiter?: HostLimiter | undefined
  /** False: TCP alone. */
  readonly utp?: boolean
  /** The router that is to let peers in, in the network that we are in now; undefined: none is asked. */
  readonly router?: (() => Router | undefined) | undefined
  /** Undefined: the DHT is left out. */
  readonly dht?: DhtSettings | undefined
  /** True: find neighbours by local discovery. */
  readonly lsd?: boolean
}

/** What a torrent is, and how fast it may be; the session knows the rest. */
export interface AddOptions
  extends Omit<TorrentOptions, keyof SharedParts | "utp" | "handover" | "downloadLimit" | "uploadLimit" | "onSeed">,
    Pick<LimitOptions, "maxDownload" | "maxUpload"> {}

/** What the torrents of one process share: the listening port, the peer id, the way to trackers, limits. */
export class Session {
  readonly #options: SessionOptions
  readonly #peerId: Uint8Array
  readonly #torrents = new Map<string, Torrent>()
  /** By the first 20 bytes of their v2 infohashes. */
  readonly #hybrids = new Map<string, Torrent>()
  readonly #policy: EncryptionPolicy
  readonly #arrivals: Arrivals
  readonly #fetches = new MetadataFetches()
  readonly #limits: Limits
  readonly #trackerClient: TrackerClient
  readonly #external = new ExternalAddress()
  readonly #ownAddresses: OwnAddresses
  #listener: Listener | undefined
  #udpPort: Promise<UdpPort> | undefined
  readonly #utp: UtpTransport | undefined
  /** The one that was asked last. */
  #router: Router | undefined
  #portMap: Promise<PortMap | undefined> | undefined
  #dht: DhtDiscovery | undefined
  #lsd: LsdDiscovery | undefined
  /** A torrent is given, or will be: we are here to stay. */
  #gives = false

  private constructor(options: SessionOptions) {
    const { clock, random } = options.platform
    this.#options = options
    this.#policy = options.encryption ?? "allow"
    this.#arrivals = new Arrivals({
      platform: options.platform,
      policy: this.#policy,
      find: (infoHash, stream, received) => {
        const key = toHex(infoHash)
        const host = this.#torrents.get(key) ?? this.#hybrids.get(key) ?? this.#fetches.get(key)
        return host?.accept(stream, received)
      },
    })
    this.#peerId = createPeerId(random)
    this.#limits = new Limits(clock, options, options.limits)
    this.#trackerClient = new TrackerClient(options.platform, options.trackerLimiter, TOLD_TRACKERS[this.#policy])
    this.#ownAddresses = new OwnAddresses(options.platform, (lost, someStay) => this.#moved(lost, someStay))
    // Datagrams would go around a proxy.
    if (options.utp === false || options.platform.reach !== "open") return
    this.#utp = new UtpTransport({
      platform: options.platform,
      udpPort: () => this.udpPort(),
      accept: (stream) => this.#arrivals.accept(stream),
    })
  }

  /** Opens the listening port. @throws AtError `AT_INVALID_INPUT` when the port that was asked for is taken */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options)
    session.#listener = await listenForPeers(options, (stream) => session.#arrivals.accept(stream))
    session.#external.listenPort = session.port
    session.#mapPort()
    session.#dht = session.#createDht()
    session.#lsd = session.#createLsd()
    return session
  }

  /** Where we listen; undefined when no port could be had. */
  get port(): number | undefined {
    return this.#listener?.port
  }

  /**
   * The UDP port that DHT and uTP share, opened at the first call: at the listening port's number, or at any where that is taken.
   * The session closes it.
   */
  udpPort(): Promise<UdpPort> {
    const { udp } = this.#options.platform
    this.#udpPort ??= UdpPort.open(udp, this.port ?? 0).catch(() => UdpPort.open(udp, 0))
    return this.#udpPort
  }

  /**
   * A fetch of metadata at work, by the infohashes of the torrent that are known, 20 bytes each: one that `create` makes, or
   * the one that is after the same already. It ends when the last who joined it leaves, when the session is closed, some
   * time after it found it, or when the torrent is added that it is for, which then has its connections.
   */
  fetchMetadata(infoHashes: readonly Uint8Array[], create: (shared: SharedParts) => MetadataFetch): MetadataFetch {
    return this.#fetches.join(infoHashes, () => {
      for (const infoHash of infoHashes) this.#arrivals.add(infoHash)
      return create(this.#sharedParts(this.#limits.connections))
    })
  }

  /** Where peers of torrents that are not private are found, beside trackers. */
  get discoveries(): readonly Discovery[] {
    return [this.#lsd, this.#dht].filter((discovery) => discovery !== undefined)
  }

  /** Puts a torrent to work. The session closes it, and its store, when it is closed itself. */
  add(options: AddOptions): Torrent {
    const { metainfo } = options
    const key = toHex(metainfo.infoHash)
    if (this.#torrents.has(key)) {
      throw new AtError("AT_LOCKED", `${metainfo.name} is open already`, {
        hint: "use the dataset that is open, or close it first",
      })
    }
    const second = secondSwarmOf(metainfo)
    const { download, upload, connections } = new Limits(this.#options.platform.clock, options, this.#limits)
    const torrent = new Torrent({
      ...options,
      ...this.#sharedParts(connections),
      // A link may have named a hybrid by either infohash.
      handover: this.#fetches.release(second === undefined ? [key] : [key, toHex(second)]),
      utp: this.#utp !== undefined,
      downloadLimit: download,
      uploadLimit: upload,
      onSeed: () => {
        this.#gives = true
        // Who gives is reached from the first moment on.
        this.#utp?.start()
      },
    })
    this.#torrents.set(key, torrent)
    this.#arrivals.add(metainfo.infoHash)
    if (second !== undefined) {
      this.#hybrids.set(toHex(second), torrent)
      this.#arrivals.add(second)
    }
    torrent.start()
    return torrent
  }

  /** Stops all torrents and closes the port. */
  async close(): Promise<void> {
    this.#ownAddresses.close()
    this.#arrivals.close()
    const torrents = [...this.#torrents.values()]
    this.#torrents.clear()
    this.#hybrids.clear()
    const fetchesClosed = this.#fetches.close()
    await Promise.all([this.#listener?.close(), ...torrents.map((torrent) => torrent.stop()), fetchesClosed])
    await this.#trackerClient.close()
    const portMap = await this.#portMap
    await portMap?.close()
    await this.#utp?.close()
    await this.#dht?.close()
    await this.#lsd?.close()
    await this.#udpPort?.then(
      (port) => port.close(),
      () => {},
    )
  }

  /** What each torrent, and each fetch of metadata, gets of this session. */
  #sharedParts(budget: ConnectionBudget): SharedParts {
    return {
      platform: this.#platform,
      clientVersion: this.#options.clientVersion,
      peerId: this.#peerId,
      budget,
      trackerClient: this.#trackerClient,
      external: this.#external,
      encryption: this.#policy,
      discoveries: this.discoveries,
      dht: this.#dht,
    }
  }

  /** As peers' connections see it: with uTP where that is used. */
  get #platform(): Platform {
    const { platform } = this.#options
    return { ...platform, net: this.#utp?.net ?? platform.net }
  }

  /** This machine has other addresses, and `lost` no more. */
  #moved(lost: ReadonlySet<string>, someStay: boolean): void {
    const { log, random } = this.#options.platform
    log.log("info", "session", "this machine has other addresses than before")
    const torrents = [...this.#torrents.values()]
    // Beside those in use, addresses come and go: of containers, and each day where IPv6 has temporary ones (RFC 8981).
    const elsewhere = !someStay || torrents.some((torrent) => torrent.isConnectedFrom(lost))
    // Peers take nobody a second time, and what they had with us stands for minutes as far as they know.
    if (elsewhere) this.#peerId.set(createPeerId(random))
    this.#mapPort()
    for (const torrent of torrents) torrent.moved(lost, elsewhere)
  }

  /** Asks the router, and takes back what was asked of another one before. */
  #mapPort(): void {
    const { platform, router } = this.#options
    const { port } = this
    if (router === undefined || port === undefined) return
    const found = router()
    const { gateway, ownAddress } = this.#router ?? {}
    if (this.#portMap !== undefined && found?.gateway === gateway && found?.ownAddress === ownAddress) return
    this.#router = found
    this.#external.outerPort = undefined
    const loading = import("../portmap/port-map.js")
    const before = this.#portMap
    this.#portMap = (async () => {
      await (await before)?.close()
      const { PortMap } = await loading
      return found && PortMap.open({ ...found, platform, port, onOuterPort: (outer) => this.#onOuterPort(outer) })
    })()
  }

  /** The router lets peers in. If that is at another port than others know, it is as if we had moved. */
  #onOuterPort(outerPort: number): void {
    const before = this.#external.port(4)
    this.#external.outerPort = outerPort
    if (outerPort === before) return
    for (const torrent of this.#torrents.values()) torrent.moved(new Set(), true)
  }

  #createDht(): DhtDiscovery | undefined {
    const { platform, dht } = this.#options
    // Nothing goes around a proxy.
    if (dht === undefined || platform.reach !== "open") return undefined
    return new DhtDiscovery({
      platform,
      settings: dht,
      udpPort: () => this.udpPort(),
      external: this.#external,
      readOnly: () => !this.#gives,
    })
  }

  #createLsd(): LsdDiscovery | undefined {
    const { platform, lsd = false } = this.#options
    // Nothing goes around a proxy.
    if (!lsd || platform.reach !== "open") return undefined
    return new LsdDiscovery({ platform, port: this.port })
  }
}
