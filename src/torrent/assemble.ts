import type { Bitfield } from "../bytes/bitfield.js"
import { parseIp } from "../bytes/ip.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { secondSwarmOf, truncated } from "../metainfo/swarm-names.js"
import { mseTools } from "../peer/mse-tools.js"
import { Fellows } from "../picker/fellows.js"
import { Picker } from "../picker/picker.js"
import { PieceTable } from "../picker/piece-table.js"
import type { Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { PieceStore } from "../storage/piece-store.js"
import type { Slot } from "../storage/slots.js"
import { NO_LISTEN_PORT } from "../tracker/announce.js"
import { Announcers } from "../tracker/announcers.js"
import type { TrackerClient } from "../tracker/tracker-client.js"
import { distinctPlaces } from "../webseed/url-layout.js"
import { WebSeed } from "../webseed/web-seed.js"
import { type EncryptionPolicy, providedMethods } from "../wire/encryption-policy.js"
import { Culprits } from "./culprits.js"
import type { ConnectionBudget } from "./finding/connection-budget.js"
import { Discoveries } from "./finding/discoveries.js"
import type { DhtLink, Discovery } from "./finding/discovery.js"
import { EncryptionChoice } from "./finding/encryption-choice.js"
import type { ExternalAddress } from "./finding/external-address.js"
import { HolePunching } from "./finding/hole-punching.js"
import { PeerBook, type PeerOrigin } from "./finding/peer-book.js"
import { PeerExchange } from "./finding/peer-exchange.js"
import { PeerSupply } from "./finding/peer-supply.js"
import { preferByPriority } from "./finding/preference.js"
import { HashAnswers } from "./giving/hash-answers.js"
import { MetadataUploads } from "./giving/metadata-uploads.js"
import { PieceCache } from "./giving/piece-cache.js"
import type { SuperSeeding } from "./giving/super-seeding.js"
import { Uploads } from "./giving/uploads.js"
import { MemoryRelief } from "./memory-relief.js"
import type { Handover } from "./metadata/metadata-fetch.js"
import type { RateLimit } from "./rate-limit.js"
import { Readers } from "./readers.js"
import { Intake, type IntakeHost } from "./receiving/intake.js"
import { LeafCheck } from "./receiving/leaf-check.js"
import { WebSeedSources } from "./receiving/web-seed-sources.js"
import { Statistics } from "./statistics/statistics.js"
import { StatsCollector } from "./statistics/stats-collector.js"
import { Tally } from "./statistics/tally.js"
import { Swarm } from "./swarm.js"
import { Totals } from "./totals.js"
import { UploadOnly } from "./upload-only.js"

export interface TorrentOptions {
  readonly platform: Platform
  readonly metainfo: Metainfo
  /** Open; the torrent closes it. */
  readonly store: PieceStore
  readonly peerId: Uint8Array
  readonly clientVersion: string
  /** Where we listen; undefined when we do not. */
  readonly listenPort: number | undefined
  readonly trackers: readonly (readonly string[])[]
  readonly webSeeds: readonly string[]
  readonly peers: readonly Endpoint[]
  /** False: no peer exchange, and no hole punching. */
  readonly pex?: boolean | undefined
  /** The network connects by uTP, too. */
  readonly utp: boolean
  /** What the fetch of the metadata left. */
  readonly handover?: Handover | undefined
  /** Where peers are found beside trackers. None for a private torrent (BEP 27). */
  readonly discoveries?: readonly Discovery[]
  readonly dht?: DhtLink | undefined
  readonly downloadLimit: RateLimit
  readonly uploadLimit: RateLimit
  readonly budget: ConnectionBudget
  readonly encryption: EncryptionPolicy
  readonly trackerClient: TrackerClient
  readonly external: ExternalAddress
  /** Peers at a time. Default: 80. */
  readonly maxPeers?: number | undefined
  /** False: only give what is there. */
  readonly fetch: boolean
  /** Go on giving when all is there. */
  readonly seed: boolean
  /** Makes what shows peers one piece after the other (BEP 16). Undefined: they are told at once what we have. */
  readonly superSeeding?: typeof SuperSeeding | undefined
}

/** What the parts tell the torrent. */
interface PartsHost {
  readonly intake: IntakeHost
  /** What is to be fetched without a reader's asking. */
  readonly toFetch: Bitfield
  /** Peers to ask trackers for. */
  numWant(): number
  /** `v2`: they were named to who asked for the v2 infohash of a hybrid. */
  onPeers(endpoints: readonly Endpoint[], origin: Exclude<PeerOrigin, "user">, v2: boolean): void
  onReaderWaits(): void
  /** A piece is not on the disk any more. */
  onLost(piece: number): void
}

/** What a torrent is made of. */
export type TorrentParts = ReturnType<typeof assemble>

/** Makes the parts of a torrent, and ties them together. */
export function assemble(options: TorrentOptions, host: PartsHost) {
  const { platform, metainfo, store, downloadLimit } = options
  const { clock, random, log } = platform
  const { layout } = metainfo
  const table = new PieceTable<Slot>({
    layout,
    memory: store.slots,
    random,
    have: store.have,
    wanted: host.toFetch,
    onOpen: (piece) => store.expect(piece),
  })
  const picker = new Picker(table, random, new Fellows(options.peerId))
  const totals = new Totals(clock.now())
  const book = new PeerBook(random, new EncryptionChoice(options.encryption))
  const { external } = options
  const priorityOf = preferByPriority(book, external, options.listenPort)
  const intake = new Intake({ table, store, hasher: platform.hasher, host: host.intake })
  const read = (piece: number, begin: number, into: Uint8Array): Promise<void> => store.read(piece, begin, into)
  const cache = new PieceCache(layout, read)
  const uploads = new Uploads({ cache, limit: options.uploadLimit, log })
  // While nothing is selected yet, something may be, or a reader may come.
  const mayWant = (): boolean => options.fetch && store.wanted.count === 0
  const superSeeding = options.superSeeding && new options.superSeeding({ layout, random, clock, have: table.have })
  const disguised = (): boolean => superSeeding?.active === true
  const uploadOnly = new UploadOnly({ table, clock, mayWant, disguised })
  let nextSource = 1
  const nextSourceId = (): number => nextSource++
  const parts = { clock, log, table, picker, intake, totals, downloadLimit, nextSourceId }
  const { hasher } = platform
  const prefer = options.encryption === "prefer" || options.encryption === "require"
  const nodes = metainfo.fileNodes ?? undefined
  // BEP 27: peers of a private torrent come from its trackers alone.
  const takesPeers = !metainfo.private && options.pex !== false
  const pex = takesPeers
    ? new PeerExchange((peers) => {
        for (const { host, port, flags } of peers) book.add({ host, port }, "pex", clock.now(), flags)
      })
    : undefined
  const holePunching =
    pex !== undefined && options.utp
      ? new HolePunching({
          peers: () => swarm.connected(),
          isOwn: (endpoint) =>
            endpoint.port === options.listenPort && endpoint.host === external.seenFrom(endpoint.host),
          named: (peer, endpoint) => pex.named(peer, endpoint),
          flags: (endpoint) => book.flags(endpoint),
          punch: (endpoint) => swarm.punch(endpoint),
        })
      : undefined
  const swarm: Swarm = new Swarm({
    ...parts,
    net: platform.net,
    hasher: platform.hasher,
    uploads,
    // BEP 27: who may know a private torrent has it from its tracker.
    metadataUploads: metainfo.private ? undefined : new MetadataUploads(metainfo.infoBytes, options.uploadLimit),
    pex,
    holePunching,
    book,
    external,
    priorityOf,
    budget: options.budget,
    encryption: { tools: mseTools(platform), provide: providedMethods(options.encryption), prefer },
    maxPeers: options.maxPeers,
    infoHash: metainfo.infoHash,
    infoHashV2: metainfo.infoHashV2 === null ? undefined : truncated(metainfo.infoHashV2),
    hashAnswers:
      nodes &&
      new HashAnswers({ layout, nodes, hasher, clock, limit: options.uploadLimit, have: table.have, read, log }),
    onHashes: (request, hashes) => leafCheck?.answered(request, hashes),
    peerId: options.peerId,
    clientVersion: options.clientVersion,
    listenPort: options.listenPort,
    dht: metainfo.private ? undefined : options.dht,
    seed: options.seed,
    have: table.have,
    uploadOnly,
    superSeeding,
  })
  const leafCheck = nodes && new LeafCheck({ layout, nodes, hasher, intake, peers: () => swarm.connected() })
  const seeds = distinctPlaces(options.webSeeds, metainfo).map(
    (url) => new WebSeed({ url, metainfo, clock, random, log }),
  )
  const webSeeds = new WebSeedSources({ ...parts, http: platform.http, seeds, peers: swarm })
  const tally = new Tally(layout, table.have, store.wanted)
  // A hybrid has peers under both of its names (BEP 52).
  const v2 = secondSwarmOf(metainfo)
  const infoHashes = [metainfo.infoHash, ...(v2 === undefined ? [] : [v2])]
  const announcer = new Announcers({
    platform,
    client: options.trackerClient,
    trackers: options.trackers,
    infoHashes,
    peerId: options.peerId,
    key: random.below(0xffffffff),
    isPrivate: metainfo.private,
    hostOf: (infoHash) => ({
      stats: () => ({
        uploaded: uploads.uploaded,
        downloaded: totals.downloaded,
        left: tally.bytesLacking,
        partialSeed: uploadOnly.partialSeed,
        port: options.listenPort ?? NO_LISTEN_PORT,
        numWant: host.numWant(),
      }),
      onPeers: (endpoints) => host.onPeers(endpoints, "tracker", infoHash === v2),
      onExternalAddress: (address, tracker) => {
        const bytes = parseIp(address)
        if (bytes !== undefined) external.vote(new URL(tracker).hostname, bytes)
      },
    }),
  })
  const discoveries = new Discoveries({
    discoveries: metainfo.private ? [] : (options.discoveries ?? []),
    infoHashes,
    onPeers: (endpoints, origin, infoHash) => host.onPeers(endpoints, origin, infoHash === v2),
  })
  const peerSupply = new PeerSupply({ announcer, discoveries, book, webSeeds, totals })
  store.onLost = (piece) => {
    cache.forget(piece)
    host.onLost(piece)
  }
  const readers = new Readers({ table, picker, store, clock, onWait: () => host.onReaderWaits() })
  const culprits = new Culprits({ swarm, webSeeds, book, log })
  const relief = new MemoryRelief({ table, picker, swarm, webSeeds })
  const statistics = new Statistics({
    metainfo,
    table,
    tally,
    totals,
    uploads,
    swarm,
    webSeeds,
    announcer,
    discoveries,
    book,
  })
  const stats = new StatsCollector({ clock, table, store, totals, uploads, swarm, webSeeds })
  return {
    table,
    picker,
    totals,
    book,
    intake,
    uploads,
    swarm,
    webSeeds,
    tally,
    announcer,
    discoveries,
    peerSupply,
    readers,
    culprits,
    leafCheck,
    relief,
    statistics,
    stats,
  }
}
