import type { Endpoint } from "../ports/net.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"
import { type ResolveContext, type Resolved, refreshTorrent } from "./resolve.js"

/** Whom a torrent asks. */
export interface Sources {
  readonly trackers: readonly (readonly string[])[]
  readonly webSeeds: readonly string[]
  readonly peers: readonly Endpoint[]
}

/** Trackers, web seeds and peers: the user's, the torrent's, the magnet link's, and what the service has learnt since. */
export async function findSources(
  resolved: Resolved,
  options: Options,
  context: ResolveContext,
  fetch: boolean,
): Promise<Sources> {
  const { urls = [], trackers: useTrackers = true, webSeeds: useWebSeeds = true } = options
  const { metainfo, hints, stale } = resolved
  const torrents = [metainfo]
  if (stale && fetch && (useTrackers || useWebSeeds)) {
    const newer = await refreshTorrent(metainfo.infoHash, context).catch((error: unknown) => {
      context.platform.log.log("info", "metadata", `no newer .torrent: ${String(error)}`)
    })
    if (newer !== undefined) torrents.unshift(newer)
  }
  const known = new Set<string>()
  const tiers = [...torrents.flatMap((torrent) => torrent.trackers), ...hints.trackers.map((url) => [url])]
    .map((tier) => tier.filter((url) => !known.has(url) && known.add(url)))
    .filter((tier) => tier.length > 0)
  const webSeeds = [...urls, ...torrents.flatMap((torrent) => torrent.webSeeds), ...hints.webSeeds]
  return {
    trackers: useTrackers ? tiers : [],
    webSeeds: [...new Set(useWebSeeds ? webSeeds : urls)],
    peers: await findPeers(resolved, options, context),
  }
}

async function findPeers(resolved: Resolved, options: Options, { platform }: ResolveContext): Promise<Endpoint[]> {
  const named = [...parsePeers(options.peers ?? []), ...resolved.hints.peers]
  const found = await Promise.all(
    named.map(async ({ host, port }) => {
      try {
        return (await platform.net.resolve(host)).map((address) => ({ host: address, port }))
      } catch (error) {
        platform.log.log("warn", "peer", `${host} has no address: ${String(error)}`)
        return []
      }
    }),
  )
  return found.flat()
}
