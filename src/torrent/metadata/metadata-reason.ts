import { count } from "../../bytes/words.js"
import type { TrackerStatus } from "../../tracker/tracker-entry.js"
import { withoutPeers } from "../statistics/waiting-reason.js"

/** What is known while the metadata does not arrive. */
interface Situation {
  /** What does not arrive. */
  readonly lacking: "metadata" | "piece layers"
  /** Peers that say they have it; of piece layers, those that can be asked. */
  readonly offering: number
  /** All of those have refused, when last asked. */
  readonly refused: boolean
  readonly connected: number
  readonly connecting: number
  readonly known: number
  /** Of those that were named, which are not used, and why. */
  readonly unusablePeers: readonly string[]
  readonly trackers: readonly TrackerStatus[]
  /** How the searches stand elsewhere. */
  readonly discoveries: readonly string[]
}

const OFFERING = {
  metadata: "with the metadata: asked",
  "piece layers": "asked for the hashes of the pieces",
}
const NOT_OFFERING = {
  metadata: "none has said that it has the metadata",
  "piece layers": "none can be asked for the hashes of the pieces",
}

/** Says in a sentence why no metadata arrives. */
export function metadataReason(situation: Situation): string {
  const { lacking, offering, refused, connected, connecting, known, unusablePeers } = situation
  if (offering > 0) {
    return `${count(offering, "peer")} ${OFFERING[lacking]}, and ${refused ? "refused so far" : "not answered yet"}`
  }
  if (connected > 0) return `${count(connected, "peer")} connected, ${NOT_OFFERING[lacking]}`
  if (connecting > 0) return `connecting to ${count(connecting, "peer")}`
  const reasons = known > 0 ? [`none of ${count(known, "known peer")} gave it`] : ofNamers(situation)
  return [...reasons, ...unusablePeers].join("; ") || "no peer is known"
}

function ofNamers({ trackers, discoveries }: Situation): string[] {
  return [...(trackers.length === 0 ? [] : [ofTrackers(trackers)]), ...discoveries]
}

function ofTrackers(trackers: readonly TrackerStatus[]): string {
  if (trackers.every(({ state }) => state === "failed")) return "no tracker answers"
  return withoutPeers(trackers)
}
