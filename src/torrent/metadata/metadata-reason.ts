import { count } from "../../bytes/words.js"
import type { TrackerStatus } from "../../tracker/tracker-entry.js"
import { QUIET } from "../statistics/waiting-reason.js"

/** What is known while the metadata does not arrive. */
interface Situation {
  /** What does not arrive. */
  readonly lacking: "metadata" | "piece layers"
  /** ms */
  readonly sinceArrival: number
  /** Peers that say they have it; of piece layers, those that can be asked. */
  readonly offering: number
  readonly connected: number
  readonly connecting: number
  readonly known: number
  readonly trackers: readonly TrackerStatus[]
  /** How the searches stand elsewhere. */
  readonly discoveries: readonly string[]
}

const OFFERING = {
  metadata: "with the metadata: asked, and not answered yet",
  "piece layers": "asked for the hashes of the pieces, and not answered yet",
}
const NOT_OFFERING = {
  metadata: "none has said that it has the metadata",
  "piece layers": "none can be asked for the hashes of the pieces",
}

/** Says in a sentence why no metadata arrives; null while it does. */
export function metadataReason(s: Situation): string | null {
  if (s.sinceArrival < QUIET) return null
  if (s.offering > 0) return `${count(s.offering, "peer")} ${OFFERING[s.lacking]}`
  if (s.connected > 0) return `${count(s.connected, "peer")} connected, ${NOT_OFFERING[s.lacking]}`
  if (s.connecting > 0) return `connecting to ${count(s.connecting, "peer")}`
  if (s.known > 0) return `none of ${count(s.known, "known peer")} gave it`
  const sources = [...(s.trackers.length === 0 ? [] : [trackers(s)]), ...s.discoveries]
  return sources.length === 0 ? "no peer is known" : sources.join("; ")
}

function trackers(s: Situation): string {
  if (s.trackers.every(({ state }) => state === "failed")) return "no tracker answers"
  return s.trackers.some(({ state }) => state === "working") ? "the trackers know no peer" : "asking the trackers"
}
