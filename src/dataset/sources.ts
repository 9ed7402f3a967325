import { classifyHost } from "../bytes/address-policy.js"
import { parseIp } from "../bytes/ip.js"
import { ipScope } from "../bytes/ip-scope.js"
import { redactUrl } from "../bytes/url.js"
import { AtError, messageOf } from "../errors.js"
import { lookupFault } from "../node/lookup-fault.js"
import type { LogLevel } from "../ports/log.js"
import type { Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import { PEERS_NEED_PROXY } from "../torrent/no-sources.js"
import type { Sources } from "../torrent/torrent-options.js"
import { whyForbidden } from "../webseed/url-layout.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"
import { type ResolveContext, type Resolved, refreshTorrent } from "./resolve.js"

interface NamedPeer {
  readonly host: string
  readonly port: number
}

/** Where names of peers lead to. */
interface FoundPeers {
  readonly peers: readonly Endpoint[]
  /** Which lead nowhere, and why: a sentence each. */
  readonly unusable: readonly string[]
}

/**
 * Trackers, web seeds and peers: the user's, the torrent's, the magnet link's, and what the service has learnt since.
 *
 * A private torrent's peers come from its own trackers alone (BEP 27), or from the user.
 */
export async function findSources(resolved: Resolved, options: Options, context: ResolveContext): Promise<Sources> {
  const { urls = [], trackers: useTrackers = true, webSeeds: useWebSeeds = true } = options
  const { metainfo, hints, stale } = resolved
  const torrents = [metainfo]
  const { reach } = context.platform
  const hinted = metainfo.private || reach === "web" ? { trackers: [], peers: [] } : hints
  if (stale && (useTrackers || useWebSeeds)) {
    const newer = await refreshTorrent(metainfo, context).catch((error: unknown) => {
      context.platform.log.log("info", "metadata", `no newer .torrent: ${String(error)}`)
    })
    if (newer !== undefined) torrents.unshift(newer.metainfo)
  }
  const known = new Set<string>()
  const tiers = [...torrents.flatMap((torrent) => torrent.trackers), ...hinted.trackers.map((url) => [url])]
    .map((tier) => tier.filter((url) => !known.has(url) && known.add(url)))
    .filter((tier) => tier.length > 0)
  const named = useWebSeeds ? [...torrents.flatMap((torrent) => torrent.webSeeds), ...hints.webSeeds] : []
  const webSeeds = findWebSeeds(
    named.filter((url) => !urls.includes(url)),
    context,
  )
  const [own, others] = await Promise.all([
    findPeers(parsePeers(options.peers ?? []), context, "notice"),
    findPeers(hinted.peers, context),
  ])
  return {
    // Without a way to peers there is nothing to be learnt from trackers, and nobody to be told of.
    trackers: useTrackers && reach !== "web" ? tiers : [],
    webSeeds: [...new Set([...urls, ...webSeeds.usable])],
    urls,
    peers: [...own.peers, ...others.peers],
    unusable: [...own.unusable, ...webSeeds.unusable],
  }
}

/**
 * What to say when sharing is wanted and nobody could ever get anything: a proxy is set only for HTTP, and the user named no
 * peer that is reached without it. Undefined elsewhere.
 */
export async function nobodyToShareWith(
  { peers = [] }: Options,
  context: ResolveContext,
): Promise<AtError | undefined> {
  if (context.platform.reach !== "web" || context.offline) return undefined
  const found = await findPeers(parsePeers(peers), context, "debug")
  if (found.peers.length > 0) return undefined
  const what = "nothing can be shared: a proxy is set only for HTTP, and no peer is reached without it"
  return new AtError("AT_INVALID_INPUT", [what, ...found.unusable].join("; "), { hint: PEERS_NEED_PROXY })
}

/** What may be used of the web seeds that strangers named, and why the rest is not: a sentence each. */
function findWebSeeds(named: readonly string[], { platform }: ResolveContext) {
  const usable: string[] = []
  const unusable: string[] = []
  for (const url of new Set(named)) {
    const reason = whyForbidden(url)
    if (reason === undefined) usable.push(url)
    else unusable.push(`${redactUrl(url)} is not used: ${reason}`)
  }
  for (const reason of unusable) platform.log.log("warn", "webseed", reason)
  return { usable, unusable }
}

/** Where these names lead to, as far as peers may be there: a link must not make us call a cloud's metadata service. */
export async function findPeers(
  named: readonly NamedPeer[],
  { platform }: ResolveContext,
  level: LogLevel = "warn",
): Promise<FoundPeers> {
  const found = await Promise.all(named.map((peer) => findPeer(peer, platform)))
  const unusable = [...new Set(found.filter((one) => typeof one === "string"))]
  for (const reason of unusable) platform.log.log(level, "peer", reason)
  return { peers: found.filter((one) => typeof one !== "string").flat(), unusable }
}

/** Its places, or why it has none. */
async function findPeer({ host, port }: NamedPeer, { net }: Pick<Platform, "net">): Promise<Endpoint[] | string> {
  try {
    const addresses = await net.resolve(host)
    const allowed = addresses.filter((address) => mayBeDialled(address, address === host))
    if (allowed.length === 0) return `${host} is not called: no peer can be there`
    return allowed.map((address) => ({ host: address, port }))
  } catch (error) {
    const fault = lookupFault(error)
    return fault === undefined ? `${host}: ${messageOf(error)}` : `${host} ${fault}`
  }
}

/** A name that stands for itself is resolved by a proxy, in the proxy's network and not in ours. */
function mayBeDialled(address: string, isItself: boolean): boolean {
  const bytes = parseIp(address)
  return bytes === undefined ? isItself && classifyHost(address) !== "forbidden" : ipScope(bytes) !== "refused"
}
