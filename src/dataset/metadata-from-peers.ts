import { AtError, abortError } from "../errors.js"
import { Encoded, encode } from "../metainfo/bencode.js"
import { pieceLayersOf } from "../metainfo/write-file-tree.js"
import type { Clock, Timer } from "../ports/clock.js"
import type { Session } from "../session/session.js"
import { type FoundMetadata, MetadataFetch } from "../torrent/metadata/metadata-fetch.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"
import type { ResolveContext, Wanted } from "./resolve.js"
import { findPeers } from "./sources.js"
import { unlessAborted } from "./unless-aborted.js"

/** What the fetch needs beside the network. */
export interface Means {
  /** The session of the download that follows. */
  readonly session: () => Promise<Session>
  readonly options: Options
  /** Shows the fetch while it is at work. */
  readonly follow: (fetch: { snapshot(): ProgressSnapshot }) => void
}

/**
 * Gets a .torrent from peers: the info dictionary as they have it (BEP 9), the piece layers that belong to it (BEP 52), and the
 * trackers and web seeds of the link.
 *
 * @throws AtError `AT_METADATA` when nobody has it; `AT_STALLED` after `timeout` ms without a piece; `AT_ABORTED`
 */
export async function metadataFromPeers(wanted: Wanted, context: ResolveContext, means: Means): Promise<Uint8Array> {
  const { infoHash, infoHashV2, name, hints, matches } = wanted
  const { peers = [], trackers: useTrackers = true, timeout } = means.options
  const [named, hinted] = await Promise.all([findPeers(parsePeers(peers), context), findPeers(hints.peers, context)])
  // Without a way to peers there is nothing to be learnt from trackers.
  const trackers = useTrackers && context.platform.reach !== "web" ? hints.trackers.map((url) => [url]) : []
  const session = await means.session()
  if (context.signal?.aborted) throw abortError(context.signal.reason)
  const fetch = session.fetchMetadata(
    infoHashV2 === undefined ? [infoHash] : [infoHash, infoHashV2],
    (shared) =>
      new MetadataFetch({
        ...shared,
        infoHash,
        infoHashV2,
        name,
        matches,
        trackers,
        peers: named,
        hintedPeers: hinted,
      }),
  )
  // It may be another's, who knows others.
  fetch.addPeers(named, "user")
  fetch.addPeers(hinted, "tracker")
  means.follow(fetch)
  const { info, layers } = await patiently(fetch, context.platform.clock, { timeout, signal: context.signal, name })
  return encode({
    announce: hints.trackers[0],
    "announce-list": hints.trackers.length > 1 ? hints.trackers.map((url) => [url]) : undefined,
    info: new Encoded(info),
    "piece layers": layers.length > 0 ? pieceLayersOf(layers) : undefined,
    "url-list": hints.webSeeds.length > 0 ? hints.webSeeds : undefined,
  })
}

/** What is found, or the end of the caller's patience. */
async function patiently(
  fetch: MetadataFetch,
  clock: Clock,
  { timeout, signal, name }: { timeout: number | undefined; signal: AbortSignal | undefined; name: string },
): Promise<FoundMetadata> {
  let timer: Timer | undefined
  const endOfPatience = new Promise<never>((_, reject) => {
    if (timeout === undefined) return
    const look = (): void => {
      const left = timeout - fetch.idleTime
      if (left <= 0) reject(stalled(name, timeout, fetch.snapshot().waitingFor))
      else timer = clock.after(left, look)
    }
    look()
  })
  try {
    return await unlessAborted(signal, Promise.race([fetch.found, endOfPatience]))
  } catch (error) {
    fetch.leave()
    throw error
  } finally {
    timer?.cancel()
  }
}

function stalled(name: string, timeout: number, waitingFor: string | null): AtError {
  const why = waitingFor === null ? "" : `: ${waitingFor}`
  return new AtError("AT_STALLED", `no metadata of ${name} arrived for ${timeout / 1000} s${why}`, {
    hint: "try again later, add a peer that has the dataset with `peers`, or use the .torrent file",
  })
}
