import { AtError, abortError } from "../errors.js"
import { Encoded, encode } from "../metainfo/bencode.js"
import { pieceLayersOf } from "../metainfo/write-file-tree.js"
import type { Timer } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import type { Session } from "../session/session.js"
import { type FoundMetadata, MetadataFetch } from "../torrent/metadata/metadata-fetch.js"
import { PEERS_NEED_PROXY } from "../torrent/no-sources.js"
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
        unusablePeers: named.unusable,
      }),
  )
  fetch.addPeers(named.peers, "user")
  fetch.addPeers(hinted.peers, "link")
  means.follow(fetch)
  const { info, layers } = await patiently(fetch, context, { timeout, name })
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
  { platform: { clock, reach }, signal }: ResolveContext,
  { timeout, name }: { timeout: number | undefined; name: string },
): Promise<FoundMetadata> {
  let timer: Timer | undefined
  const endOfPatience = new Promise<never>((_, reject) => {
    if (timeout === undefined) return
    const look = (): void => {
      const left = timeout - fetch.idleTime
      if (left <= 0) reject(stalled(name, timeout, { why: fetch.waitingFor(), reach }))
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

function stalled(name: string, timeout: number, { why, reach }: { why: string; reach: Platform["reach"] }): AtError {
  return new AtError("AT_STALLED", `no metadata of ${name} arrived for ${timeout / 1000} s: ${why}`, {
    hint:
      reach === "web"
        ? `try again later, or use the .torrent file; ${PEERS_NEED_PROXY}`
        : "try again later, add a peer that has the dataset with `peers`, or use the .torrent file",
  })
}
