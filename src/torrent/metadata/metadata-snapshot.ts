import { toHex } from "../../bytes/hex.js"
import { metadataPieceCount } from "../../wire/metadata-message.js"
import { NOTHING_MOVES, type ProgressSnapshot } from "../statistics/progress.js"
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
  readonly swarm: { readonly connections: number; readonly connectedCount: number; readonly knownCount: number }
  readonly sources: Pick<MetadataSources, "trackers" | "searches">
  readonly unusablePeers: readonly string[]
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
  unusablePeers,
  idleTime,
}: Fetch): ProgressSnapshot {
  const { size, received, pieceCount } = infoProgress(exchange, layers)
  const doneInfo = pieceCount === 0 ? 0 : Math.floor((size * received) / pieceCount)
  const share = layers === undefined ? 0 : layers.exchange.received / layers.partCount
  const { connections: open, connectedCount: connected, knownCount: known } = swarm
  return {
    ...NOTHING_MOVES,
    name,
    infoHash: toHex(infoHash),
    state: "metadata",
    totalBytes: size + (layers?.bytes ?? 0),
    doneBytes: doneInfo + Math.floor((layers?.bytes ?? 0) * share),
    totalPieces: pieceCount + (layers?.partCount ?? 0),
    donePieces: received + (layers?.exchange.received ?? 0),
    peers: { connected, seeds: 0, known },
    waitingFor: metadataReason({
      lacking: layers === undefined ? "metadata" : "piece layers",
      sinceArrival: idleTime,
      offering: (layers?.exchange ?? exchange).giverCount,
      connected,
      connecting: open - connected,
      known,
      unusablePeers,
      trackers: sources.trackers,
      discoveries: sources.searches,
    }),
  }
}

/** An exchange that has brought the info dictionary knows of no attempt any more. */
function infoProgress(exchange: Fetch["exchange"], layers: LayerStage | undefined): Fetch["exchange"]["progress"] {
  if (layers === undefined) return exchange.progress
  const pieceCount = metadataPieceCount(layers.infoLength)
  return { size: layers.infoLength, received: pieceCount, pieceCount }
}
