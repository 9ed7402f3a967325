import { Site } from "../catalog/site.js"
import { abortError } from "../errors.js"
import type { Detour } from "../node/detour.js"
import { createPlatform, type NodePlatform } from "../node/platform.js"
import type { UserSettings } from "../node/user-settings.js"
import { abortWith } from "./abort-with.js"
import { findData } from "./data-path.js"
import type { EngagementParts } from "./engagement.js"
import type { Means } from "./metadata-from-peers.js"
import type { Options } from "./options.js"
import { ProgressFeed } from "./progress-feed.js"
import { type ResolveContext, resolveTarget, upToDate, type Wanted } from "./resolve.js"
import { safeListener } from "./safe-listener.js"
import { SessionSource } from "./session-source.js"
import { sharedLimits } from "./shared-limits.js"
import { TorrentCache } from "./torrent-cache.js"
import { processTurns } from "./turns.js"
import { refuseMistyped, type Understood } from "./understand.js"

/** What a dataset is made from; its to close. */
export interface DatasetParts extends EngagementParts {
  readonly platform: NodePlatform
  /** Aborted by `close`, and by the user's signal. */
  readonly closing: AbortController
}

/**
 * Gets the metadata of what a user asks for; with `newest`, the service's rather than a kept copy.
 *
 * @throws AtError `AT_INVALID_INPUT`, and what {@link resolveTarget} throws
 */
export async function openParts(
  asked: Understood,
  { newest = false }: { readonly newest?: boolean | undefined } = {},
): Promise<{ readonly parts: DatasetParts; readonly feed: ProgressFeed }> {
  const { parsed, options, datastore, settings } = asked
  const closing = abortWith(options.signal)
  const { signal } = closing
  const offline = options.offline ?? settings.offline
  const detour = offline ? undefined : await openDetour(settings, options)
  const receiveLength = receiveLengthFor(options.maxDownload ?? sharedLimits()?.download.bytesPerSecond)
  const platform = createPlatform({ log: options.log, detour, receiveLength })
  const feed = new ProgressFeed(platform.clock, safeListener(options.onProgress, platform.log))
  const sessions = new SessionSource(platform, options)
  const context: ResolveContext = {
    platform,
    site: new Site(options.site ?? settings.site),
    cache: new TorrentCache({ platform, directory: settings.cache, datastore }),
    offline,
    timeout: options.timeout,
    signal,
    namesPeers: (options.peers ?? []).length > 0,
    feed,
    fromPeers: (wanted) => {
      if (!canAskPeers(wanted, options)) return undefined
      const means = { session: () => sessions.early(), options, follow: feed.follow.bind(feed) }
      return fromPeers(wanted, context, means)
    },
  }
  try {
    await refuseMistyped(asked, platform)
    const found = await resolveTarget(parsed, context)
    const resolved = newest ? await upToDate(found, context) : found
    feed.forget()
    if (signal.aborted) throw abortError(signal.reason)
    const data = options.data && (await findData(platform.disk, resolved.metainfo, options.data))
    const made = { options: { ...options, data, signal }, context, datastore, resolved }
    return { parts: { ...made, platform, sessions, closing, turns: processTurns }, feed }
  } catch (error) {
    feed.end()
    await sessions.close()
    await platform.close()
    throw error
  }
}

/** @throws AtError `AT_INVALID_INPUT` when a proxy's URL can't be used */
async function openDetour({ proxies }: UserSettings, { log }: Options): Promise<Detour | undefined> {
  // Loaded only where there is a proxy.
  return proxies && (await import("../node/detour.js")).createDetour(proxies, log)
}

/** Whether there is anybody to ask for metadata. */
function canAskPeers({ hints }: Wanted, { peers = [], trackers = true, dht = true }: Options): boolean {
  return dht || peers.length > 0 || hints.peers.length > 0 || (trackers && hints.trackers.length > 0)
}

/** Most datasets do without: loaded when it is needed. */
async function fromPeers(wanted: Wanted, context: ResolveContext, means: Means): Promise<Uint8Array> {
  const { metadataFromPeers } = await import("./metadata-from-peers.js")
  return metadataFromPeers(wanted, context, means)
}

/** Under a download limit, what comes in a twentieth of a second is received at a time, but a block at least. */
function receiveLengthFor(maxDownload: number | undefined): number | undefined {
  return maxDownload === undefined ? undefined : Math.min(Math.max(maxDownload / 20, 16 * 1024), 256 * 1024) | 0
}
