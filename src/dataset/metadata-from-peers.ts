import { AtError, abortError } from "../errors.js"
import { Encoded, encode } from "../metainfo/bencode.js"
import { pieceLayersOf } from "../metainfo/write-file-tree.js"
import type { Platform } from "../ports/platform.js"
import type { Session } from "../session/session.js"
import { MetadataFetch } from "../torrent/metadata/metadata-fetch.js"
import { PEERS_NEED_PROXY } from "../torrent/no-sources.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import type { Options } from "./options.js"
import { patiently } from "./patiently.js"
import { parsePeers } from "./peers.js"
import type { ResolveContext, Wanted } from "./resolve.js"
import { findPeers } from "./sources.js"

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
  const { signal, platform } = context
  const { clock, reach } = platform
  const refusal = (ms: number, why: string): AtError => stalled(name, ms, { why, reach })
  const found = patiently(() => fetch.found, fetch, clock, { signal, timeout, refusal })
  const { info, layers } = await found.catch((error: unknown) => {
    fetch.leave()
    throw error
  })
  return encode({
    announce: hints.trackers[0],
    "announce-list": hints.trackers.length > 1 ? hints.trackers.map((url) => [url]) : undefined,
    info: new Encoded(info),
    "piece layers": layers.length > 0 ? pieceLayersOf(layers) : undefined,
    "url-list": hints.webSeeds.length > 0 ? hints.webSeeds : undefined,
  })
}

function stalled(name: string, timeout: number, { why, reach }: { why: string; reach: Platform["reach"] }): AtError {
  return new AtError("AT_STALLED", `no metadata of ${name} arrived for ${timeout / 1000} s: ${why}`, {
    hint:
      reach === "web"
        ? `try again later, or use the .torrent file; ${PEERS_NEED_PROXY}`
        : "try again later, add a peer that has the dataset with `peers`, or use the .torrent file",
  })
}
