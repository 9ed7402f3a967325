import { toHex } from "../../bytes/hex.js"
import type { ProgressSnapshot } from "../statistics/progress.js"
import type { LayerStage } from "./layer-stage.js"
import { metadataReason } from "./metadata-reason.js"
import type { MetadataSources } from "./metadata-sources.js"

/** A fetch, as far as a snapshot tells of it. */
interface Fetch {
  readonly name: string
  readonly infoHash: Uint8Array
  readonly exchange: {
    readonly giverCount: number
    readonly progress: { readonly size: number; readonly received: number; readonly pieceCount: number }
  }
  /** Undefined before the info dictionary is there, and when nothing else is needed. */
  readonly layers: LayerStage | undefined
  readonly swarm: { readonly size: number; readonly connectedCount: number; readonly knownCount: number }
  readonly sources: Pick<MetadataSources, "trackers" | "searches">
  /** ms since something of it last arrived. */
  readonly idleTime: number
}

/** Where a fetch stands. Its pieces are those of the metadata, and the parts of the piece layers. */
export function metadataSnapshot({
  name,
  infoHash,
  exchange,
  layers,
  swarm,
  sources,
  idleTime,
}: Fetch): ProgressSnapshot {
  const { size, received, pieceCount } = exchange.progress
  const info = layers?.infoLength ?? size
  const doneInfo = layers === undefined ? (pieceCount === 0 ? 0 : Math.floor((size * received) / pieceCount)) : info
  const share = layers === undefined ? 0 : layers.exchange.received / layers.partCount
  const { size: open, connectedCount: connected, knownCount: known } = swarm
  return {
    name,
    infoHash: toHex(infoHash),
    state: "metadata",
    totalBytes: info + (layers?.bytes ?? 0),
    doneBytes: doneInfo + Math.floor((layers?.bytes ?? 0) * share),
    totalPieces: pieceCount + (layers?.partCount ?? 0),
    donePieces: received + (layers?.exchange.received ?? 0),
    downloadRate: 0,
    uploadRate: 0,
    eta: null,
    fromPeers: 0,
    fromWebSeeds: 0,
    uploaded: 0,
    wasted: 0,
    peers: { connected, seeds: 0, known },
    webSeeds: { active: 0, usable: 0, total: 0 },
    waitingFor: metadataReason({
      lacking: layers === undefined ? "metadata" : "piece layers",
      sinceArrival: idleTime,
      offering: (layers?.exchange ?? exchange).giverCount,
      connected,
      connecting: open - connected,
      known,
      trackers: sources.trackers,
      discoveries: sources.searches,
    }),
  }
}
