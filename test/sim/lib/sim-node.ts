import type { Endpoint } from "../../../src/ports/net.js"
import type { LimitOptions } from "../../../src/session/limits.js"
import { type AddOptions, Session, type SessionOptions } from "../../../src/session/session.js"
import { PieceStore } from "../../../src/storage/piece-store.js"
import { SuperSeeding } from "../../../src/torrent/giving/super-seeding.js"
import type { Torrent } from "../../../src/torrent/torrent.js"
import type { SimDataset } from "./sim-dataset.js"
import type { SimPlatform } from "./simulation.js"

export interface SimNodeOptions {
  readonly platform: SimPlatform
  readonly dataset: SimDataset
  readonly peers?: readonly Endpoint[]
  readonly selected?: ReadonlySet<number>
  readonly seed?: boolean
  readonly fetch?: boolean
  /** Of all torrents together. */
  readonly limits?: LimitOptions & Pick<SessionOptions, "encryption" | "utp" | "lsd" | "dht" | "router">
  /** Of this one. */
  readonly torrentLimits?: Pick<AddOptions, "maxDownload" | "maxUpload" | "maxPeers">
  readonly pex?: boolean
  readonly superSeed?: boolean
}

/** One of our clients on a simulated machine, at work on one dataset in `/store`, listening at port 6881. */
export interface SimNode {
  readonly torrent: Torrent
  readonly session: Session
  close(): Promise<void>
}

export async function startNode(options: SimNodeOptions): Promise<SimNode> {
  const { platform, limits } = options
  const session = await Session.open({ platform, clientVersion: "academictorrents sim", port: 6881, ...limits })
  const torrent = await addTorrent(session, options)
  return { torrent, session, close: () => session.close() }
}

/** One more dataset for a node. */
export async function addTorrent(session: Session, options: SimNodeOptions): Promise<Torrent> {
  const { platform, dataset } = options
  const store = await PieceStore.open({
    platform,
    metainfo: dataset.metainfo,
    torrentBytes: dataset.torrentBytes,
    datastore: "/store",
    verify: "auto",
    ...(options.selected === undefined ? {} : { selected: options.selected }),
  })
  return session.add({
    metainfo: dataset.metainfo,
    store,
    trackers: dataset.metainfo.trackers,
    webSeeds: dataset.metainfo.webSeeds,
    peers: options.peers ?? [],
    fetch: options.fetch ?? true,
    seed: options.seed ?? false,
    ...options.torrentLimits,
    pex: options.pex,
    superSeeding: options.superSeed ? SuperSeeding : undefined,
  })
}
