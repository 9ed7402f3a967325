import { redactUrl } from "../../bytes/url.js"
import { count } from "../../bytes/words.js"
import type { TrackerStatus } from "../../tracker/tracker-entry.js"
import type { WebSeedState } from "../../webseed/seed-health.js"

/** Shorter pauses are no news, ms. */
export const QUIET = 3_000

/** What to say when all that is left are trackers with which it is not our turn yet. */
export const OTHERS_FIRST = "the trackers are asked for other datasets first"

/** What is known when nothing arrives. */
export interface Situation {
  readonly now: number
  readonly peers: readonly { readonly choking: boolean; readonly interesting: boolean }[]
  readonly connecting: number
  readonly known: number
  /** Of those that were named, which are not used, and why. */
  readonly unusable: readonly string[]
  readonly trackers: readonly TrackerStatus[]
  /** How the searches stand in the DHT and in the local network, in a few words each. */
  readonly discoveries: readonly string[]
  /** `lacking`: of the missing pieces, those it does not have. */
  readonly webSeeds: readonly { readonly url: string; readonly state: WebSeedState; readonly lacking: number }[]
}

/** Says in a sentence why nothing arrives. */
export function waitingReason(situation: Situation): string {
  const { peers, connecting, unusable, discoveries } = situation
  const searches = peers.length === 0 && connecting === 0 ? discoveries : []
  const reasons = [ofPeers(situation), ofWebSeeds(situation), ofTrackers(situation), ...searches, ...unusable]
  return reasons.filter((reason) => reason !== undefined).join("; ") || "no source is known"
}

function ofPeers({ peers, connecting, known }: Situation): string | undefined {
  const useful = peers.filter(({ interesting }) => interesting)
  if (useful.some(({ choking }) => !choking)) return "peers were asked, but have sent nothing"
  if (useful.length > 0) return `${count(useful.length, "peer")} with data: waiting until they let us download`
  if (peers.length > 0) return `${count(peers.length, "peer")} connected, none has what is missing`
  if (connecting > 0) return `connecting to ${count(connecting, "peer")}`
  return known > 0 ? `none of ${count(known, "known peer")} can be reached` : undefined
}

function ofWebSeeds({ webSeeds, now }: Situation): string | undefined {
  const reasons = webSeeds.map(({ url, state, lacking }) => {
    if (state.kind === "disabled") return `${redactUrl(url)} is not used: ${state.reason}`
    if (state.kind === "waiting") {
      const seconds = Math.max(1, Math.ceil((state.until - now) / 1000))
      return `${redactUrl(url)} is tried again in ${seconds} s: ${state.reason}`
    }
    if (lacking > 0) return `${redactUrl(url)} lacks ${lacking} of the missing pieces`
    return `${redactUrl(url)} has not answered`
  })
  return reasons.length === 0 ? undefined : `web seed ${reasons.join(", ")}`
}

function ofTrackers({ known, trackers }: Situation): string | undefined {
  if (known > 0 || trackers.length === 0) return undefined
  if (trackers.every(({ state }) => state === "failed")) return noTracker(trackers)
  return withoutPeers(trackers)
}

/** What to say when trackers that do not all fail have named nobody. */
export function withoutPeers(trackers: readonly TrackerStatus[]): string {
  if (trackers.some(({ state }) => state === "working")) return "the trackers know no peer"
  return areQueued(trackers) ? OTHERS_FIRST : "asking the trackers"
}

/** Those that do not fail are to be asked, but it is not our turn yet. */
export function areQueued(trackers: readonly TrackerStatus[]): boolean {
  const states = trackers.map(({ state }) => state).filter((state) => state !== "failed")
  return states.length > 0 && states.every((state) => state === "queued")
}

/** What to say when all trackers fail. */
export function noTracker(trackers: readonly TrackerStatus[]): string {
  const why = trackers.find(({ message }) => message !== undefined)?.message
  return `no tracker answers${why === undefined ? "" : ` (${why})`}`
}
