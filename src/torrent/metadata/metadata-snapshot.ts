import { toHex } from "../../bytes/hex.js"
import { metadataPieceCount } from "../../wire/metadata-message.js"
import { NOTHING_MOVES, type ProgressSnapshot } from "../statistics/progress.js"
import type { LayerStage } from "./layer-stage.js"

/** A fetch, as far as a snapshot tells of it. */
interface Fetch {
  readonly name: string
  readonly infoHash: Uint8Array
  readonly exchange: {
    readonly progress: { readonly size: number; readonly received: number; readonly pieceCount: number }
  }
  /** Undefined before the info dictionary is there, and when nothing else is needed. */
  readonly layers: LayerStage | undefined
  readonly swarm: { readonly connectedCount: number; readonly knownCount: number }
  /** Why nothing arrives; null while something does. */
  readonly waitingFor: string | null
}

/** Where a fetch stands. Its pieces are those of the metadata, and the parts of the piece layers. */
export function metadataSnapshot({ name, infoHash, exchange, layers, swarm, waitingFor }: Fetch): ProgressSnapshot {
  const { size, received, pieceCount } = infoProgress(exchange, layers)
  const doneInfo = pieceCount === 0 ? 0 : Math.floor((size * received) / pieceCount)
  const share = layers === undefined ? 0 : layers.exchange.received / layers.partCount
  return {
    ...NOTHING_MOVES,
    name,
    infoHash: toHex(infoHash),
    state: "metadata",
    totalBytes: size + (layers?.bytes ?? 0),
    doneBytes: doneInfo + Math.floor((layers?.bytes ?? 0) * share),
    totalPieces: pieceCount + (layers?.partCount ?? 0),
    donePieces: received + (layers?.exchange.received ?? 0),
    peers: { connected: swarm.connectedCount, seeds: 0, known: swarm.knownCount },
    waitingFor,
  }
}

/** An exchange that has brought the info dictionary knows of no attempt any more. */
function infoProgress(exchange: Fetch["exchange"], layers: LayerStage | undefined): Fetch["exchange"]["progress"] {
  if (layers === undefined) return exchange.progress
  const pieceCount = metadataPieceCount(layers.infoLength)
  return { size: layers.infoLength, received: pieceCount, pieceCount }
}
