import { ipScope, parseIp } from "../bytes/ip.js"
import { classifyHost } from "../node/address-policy.js"
import type { Endpoint } from "../ports/net.js"
import type { Sources } from "../torrent/torrent-options.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"
import { type ResolveContext, type Resolved, refreshTorrent } from "./resolve.js"

/**
 * Trackers, web seeds and peers: the user's, the torrent's, the magnet link's, and what the service has learnt since.
 *
 * A private torrent's peers come from its own trackers alone (BEP 27), or from the user.
 */
export async function findSources(
  resolved: Resolved,
  options: Options,
  context: ResolveContext,
  fetch: boolean,
): Promise<Sources> {
  const { urls = [], trackers: useTrackers = true, webSeeds: useWebSeeds = true } = options
  const { metainfo, hints, stale } = resolved
  const torrents = [metainfo]
  const { reach } = context.platform
  const hinted = metainfo.private || reach === "web" ? { trackers: [], peers: [] } : hints
  if (stale && fetch && (useTrackers || useWebSeeds)) {
    const newer = await refreshTorrent(metainfo, context).catch((error: unknown) => {
      context.platform.log.log("info", "metadata", `no newer .torrent: ${String(error)}`)
    })
    if (newer !== undefined) torrents.unshift(newer)
  }
  const known = new Set<string>()
  const tiers = [...torrents.flatMap((torrent) => torrent.trackers), ...hinted.trackers.map((url) => [url])]
    .map((tier) => tier.filter((url) => !known.has(url) && known.add(url)))
    .filter((tier) => tier.length > 0)
  const webSeeds = [...urls, ...torrents.flatMap((torrent) => torrent.webSeeds), ...hints.webSeeds]
  return {
    // Without a way to peers there is nothing to be learnt from trackers, and nobody to be told of.
    trackers: useTrackers && reach !== "web" ? tiers : [],
    webSeeds: [...new Set(useWebSeeds ? webSeeds : urls)],
    peers: await findPeers([...parsePeers(options.peers ?? []), ...hinted.peers], context),
  }
}

/** Where these names lead to, as far as peers may be there: a link must not make us call a cloud's metadata service. */
export async function findPeers(
  named: readonly { readonly host: string; readonly port: number }[],
  { platform }: ResolveContext,
): Promise<Endpoint[]> {
  const found = await Promise.all(
    named.map(async ({ host, port }) => {
      try {
        const addresses = await platform.net.resolve(host)
        return addresses
          .filter((address) => mayBeDialled(address, address === host))
          .map((address) => ({ host: address, port }))
      } catch (error) {
        platform.log.log("warn", "peer", `${host} has no address: ${String(error)}`)
        return []
      }
    }),
  )
  return found.flat()
}

/** A name that stands for itself is resolved by a proxy, in the proxy's network and not in ours. */
function mayBeDialled(address: string, isItself: boolean): boolean {
  const bytes = parseIp(address)
  return bytes === undefined ? isItself && classifyHost(address) !== "forbidden" : ipScope(bytes) !== "refused"
}
