import { secondSwarmOf, truncated } from "../metainfo/swarm-names.js"
import { mseTools } from "../peer/mse-tools.js"
import { Fellows } from "../picker/fellows.js"
import { Picker } from "../picker/picker.js"
import { PieceTable } from "../picker/piece-table.js"
import type { Endpoint } from "../ports/net.js"
import type { Slot } from "../storage/slots.js"
import type { Announcers } from "../tracker/announcers.js"
import { providedMethods } from "../wire/encryption-policy.js"
import { Culprits } from "./culprits.js"
import type { CurrentPurpose } from "./current-purpose.js"
import type { Discoveries } from "./finding/discoveries.js"
import { EncryptionChoice } from "./finding/encryption-choice.js"
import { HolePunching } from "./finding/hole-punching.js"
import { PeerBook, type PeerOrigin } from "./finding/peer-book.js"
import { PeerExchange } from "./finding/peer-exchange.js"
import { makePeerNamers } from "./finding/peer-namers.js"
import { PeerSupply } from "./finding/peer-supply.js"
import { preferByPriority } from "./finding/preference.js"
import { HashAnswers } from "./giving/hash-answers.js"
import { MetadataUploads } from "./giving/metadata-uploads.js"
import { PieceCache } from "./giving/piece-cache.js"
import { Uploads } from "./giving/uploads.js"
import { MemoryRelief } from "./memory-relief.js"
import { Readers } from "./readers.js"
import { Intake, type IntakeHost } from "./receiving/intake.js"
import { LeafCheck } from "./receiving/leaf-check.js"
import { WebSeedRoster } from "./receiving/web-seed-roster.js"
import { WebSeedRuns } from "./receiving/web-seed-runs.js"
import { Roster } from "./roster.js"
import { Statistics } from "./statistics/statistics.js"
import { StatsCollector } from "./statistics/stats-collector.js"
import { Tally } from "./statistics/tally.js"
import { Swarm } from "./swarm.js"
import type { TorrentOptions } from "./torrent-options.js"
import { Totals } from "./totals.js"
import { Unwanted } from "./unwanted.js"
import { UploadOnly } from "./upload-only.js"

/** What the parts tell the torrent. */
interface PartsHost {
  readonly intake: IntakeHost
  readonly purpose: CurrentPurpose
  /** Peers to ask trackers for. */
  numWant(): number
  /** `v2`: they were named to who asked for the v2 infohash of a hybrid. */
  onPeers(endpoints: readonly Endpoint[], origin: Exclude<PeerOrigin, "user">, v2: boolean): void
  onReaderWaits(): void
  /** A piece is not on the disk any more. */
  onLost(piece: number): void
}

/** What a torrent is made of. */
export interface TorrentParts {
  readonly table: PieceTable<Slot>
  readonly picker: Picker<Slot>
  readonly intake: Intake
  readonly leafCheck: LeafCheck | undefined
  readonly book: PeerBook
  readonly announcer: Announcers
  readonly discoveries: Discoveries
  readonly peerSupply: PeerSupply
  readonly roster: Roster
  readonly swarm: Swarm
  readonly webSeeds: WebSeedRoster
  readonly webSeedRuns: WebSeedRuns
  readonly uploads: Uploads
  readonly readers: Readers
  readonly culprits: Culprits
  readonly relief: MemoryRelief
  readonly unwanted: Unwanted
  readonly totals: Totals
  readonly tally: Tally
  readonly statistics: Statistics
  readonly stats: StatsCollector
}

/** Makes the parts of a torrent, and ties them together. */
export function assemble(options: TorrentOptions, host: PartsHost): TorrentParts {
  const { platform, metainfo, store, downloadLimit, unusable = [] } = options
  const { clock, log } = platform
  const roster = new Roster()
  const totals = new Totals(clock.now())
  const pieces = makePieces(options, host)
  const { table, picker, intake } = pieces
  const known = makeKnownPeers(options, roster, (endpoint) => swarm.punch(endpoint))
  const giving = makeGiving(options, host.purpose, table)
  const leafCheck = makeLeafCheck(options, intake, roster)
  let nextSource = 1
  const shared = { ...platform, ...pieces, totals, downloadLimit, nextSourceId: () => nextSource++ }
  const swarm: Swarm = new Swarm({
    ...shared,
    ...known,
    ...giving,
    ...connectionOptions(options),
    roster,
    seeds: () => host.purpose.seed,
    have: table.have,
    onHashes: (request, hashes) => leafCheck?.answered(request, hashes),
  })
  const webSeeds = new WebSeedRoster({ ...shared, metainfo })
  webSeeds.add(options.webSeeds, options.urls)
  const webSeedRuns = new WebSeedRuns({ ...shared, webSeeds, peers: roster })
  const tally = new Tally(metainfo.layout, table.have, store.wanted)
  const namers = makeNamers(options, host, { ...giving, totals, tally })
  store.onLost = (piece) => {
    giving.cache.forget(piece)
    host.onLost(piece)
  }
  const { book } = known
  const { uploads } = giving
  const parts = { ...pieces, ...namers, leafCheck, book, roster, swarm, webSeeds, webSeedRuns, uploads, totals, tally }
  const unwanted = new Unwanted(parts)
  return {
    ...parts,
    peerSupply: new PeerSupply(parts),
    readers: new Readers({
      table,
      picker,
      store,
      clock,
      onWait: () => host.onReaderWaits(),
      onLeave: () => unwanted.dropSoon(),
    }),
    culprits: new Culprits({ ...parts, log }),
    relief: new MemoryRelief(parts),
    unwanted,
    statistics: new Statistics({ ...parts, metainfo, unusable }),
    stats: new StatsCollector({ ...parts, clock, store }),
  }
}

/** Which pieces are there, which of the others comes next, and what becomes of what comes in. */
function makePieces({ platform, metainfo, store, peerId }: TorrentOptions, host: PartsHost) {
  const { random, hasher } = platform
  const table = new PieceTable<Slot>({
    layout: metainfo.layout,
    memory: store.slots,
    random,
    have: store.have,
    wanted: host.purpose.pieces,
    onOpen: (piece) => store.expect(piece),
  })
  const picker = new Picker(table, random, new Fellows(peerId))
  const intake = new Intake({ table, store, hasher, host: host.intake })
  return { table, picker, intake }
}

/** Who is known, and how peers help to know and to reach others. */
function makeKnownPeers(options: TorrentOptions, roster: Roster, punch: (endpoint: Endpoint) => void) {
  const { platform, external } = options
  const book = new PeerBook(platform.random, new EncryptionChoice(options.encryption))
  const priorityOf = preferByPriority(book, external)
  // BEP 27: peers of a private torrent come from its trackers alone.
  if (options.metainfo.private || options.pex === false) {
    return { book, priorityOf, pex: undefined, holePunching: undefined }
  }
  const pex = new PeerExchange((peers) => {
    for (const { host, port, flags } of peers) book.add({ host, port }, "pex", platform.clock.now(), { flags })
  })
  const holePunching = options.utp
    ? new HolePunching({
        peers: () => roster.connected(),
        isOwn: (endpoint) => external.isOwn(endpoint),
        named: (peer, endpoint) => pex.named(peer, endpoint),
        flags: (endpoint) => book.flags(endpoint),
        punch,
      })
    : undefined
  return { book, priorityOf, pex, holePunching }
}

/** What peers get of us: pieces, hashes, metadata; and what they are told of what we have and want. */
function makeGiving(options: TorrentOptions, purpose: CurrentPurpose, table: PieceTable<Slot>) {
  const { platform, metainfo, store, uploadLimit: limit } = options
  const { clock, random, log, hasher } = platform
  const { layout, fileNodes: nodes } = metainfo
  const { have } = table
  const read = (piece: number, begin: number, into: Uint8Array): Promise<void> => store.read(piece, begin, into)
  const cache = new PieceCache(layout, read)
  const superSeeding = options.superSeeding && new options.superSeeding({ layout, random, clock, have })
  return {
    cache,
    uploads: new Uploads({ cache, limit, log }),
    // BEP 27: who may know a private torrent has it from its tracker.
    metadataUploads: metainfo.private ? undefined : new MetadataUploads(metainfo.infoBytes, limit),
    hashAnswers: nodes === null ? undefined : new HashAnswers({ layout, nodes, hasher, clock, limit, have, read, log }),
    superSeeding,
    uploadOnly: new UploadOnly({
      table,
      clock,
      mayWant: () => purpose.mayFetch,
      disguised: () => superSeeding?.active === true,
    }),
  }
}

function makeLeafCheck({ platform, metainfo }: TorrentOptions, intake: Intake, roster: Roster) {
  const { layout, fileNodes: nodes } = metainfo
  if (nodes === null) return undefined
  return new LeafCheck({ layout, nodes, hasher: platform.hasher, intake, peers: () => roster.connected() })
}

/** What connections to peers are opened with, and how many. */
function connectionOptions(options: TorrentOptions) {
  const { platform, metainfo, encryption } = options
  const prefer = encryption === "prefer" || encryption === "require"
  return {
    infoHash: metainfo.infoHash,
    infoHashV2: metainfo.infoHashV2 === null ? undefined : truncated(metainfo.infoHashV2),
    peerId: options.peerId,
    clientVersion: options.clientVersion,
    external: options.external,
    dht: metainfo.private ? undefined : options.dht,
    encryption: { tools: mseTools(platform), provide: providedMethods(encryption), prefer },
    budget: options.budget,
    maxPeers: options.maxPeers,
  }
}

interface Counts {
  readonly uploads: Uploads
  readonly totals: Totals
  readonly tally: Tally
  readonly uploadOnly: UploadOnly
}

function makeNamers(options: TorrentOptions, host: PartsHost, { uploads, totals, tally, uploadOnly }: Counts) {
  const { metainfo, discoveries = [] } = options
  return makePeerNamers({
    ...options,
    discoveries,
    infoHash: metainfo.infoHash,
    secondInfoHash: secondSwarmOf(metainfo),
    isPrivate: metainfo.private,
    before: options.handover?.announcers,
    stats: () => ({
      uploaded: uploads.uploaded,
      downloaded: totals.downloaded,
      left: tally.bytesLacking,
      partialSeed: uploadOnly.partialSeed,
      numWant: host.numWant(),
    }),
    onPeers: (endpoints, origin, second) => host.onPeers(endpoints, origin, second),
  })
}
