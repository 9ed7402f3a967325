import { Site } from "../catalog/site.js"
import { AtError } from "../errors.js"
import { createPlatform, type NodePlatform } from "../node/platform.js"
import { absolutePath, readUserSettings, type UserSettings } from "../node/user-settings.js"
import { abortWith } from "./abort-with.js"
import { checkOptions, checkTarget, checkUrl } from "./check-options.js"
import { findData } from "./data-path.js"
import { defaultDatastore } from "./datastore.js"
import { bootstrapNodes } from "./dht-settings.js"
import type { EngagementParts } from "./engagement.js"
import type { Means } from "./metadata-from-peers.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"
import { ProgressFeed } from "./progress-feed.js"
import { type ResolveContext, resolveTarget, type Wanted } from "./resolve.js"
import { safeListener } from "./safe-listener.js"
import { SessionSource } from "./session-source.js"
import { sharedLimits } from "./shared-limits.js"
import { looksLikeInfoHash, looksLikePath, malformed, parseTarget, type Target } from "./target.js"
import { TorrentCache } from "./torrent-cache.js"
import { processTurns } from "./turns.js"

/** What a dataset is made from; its to close. */
export interface DatasetParts extends EngagementParts {
  readonly platform: NodePlatform
  /** Aborted by `close`, and by the user's signal. */
  readonly closing: AbortController
}

/** What a user asks for. */
export interface Understood {
  /** The path of a file is absolute. */
  readonly parsed: Target
  /** Absolute. */
  readonly datastore: string
  readonly settings: UserSettings
}

/**
 * Understands what a user asks for.
 *
 * @throws AtError `AT_INVALID_INPUT`
 */
export function understand(target: string, options: Options): Understood {
  checkTarget(target)
  checkOptions(options)
  const settings = readUserSettings()
  // The Python package's default is the empty text.
  const datastore = options.datastore ? absolutePath(options.datastore) : defaultDatastore()
  const parsed = parseTarget(target)
  parsePeers(options.peers ?? [])
  bootstrapNodes(options)
  if (settings.site !== undefined) checkUrl("AT_SITE", settings.site)
  const local = parsed.kind === "file" ? { ...parsed, path: absolutePath(parsed.path) } : parsed
  return { parsed: local, datastore, settings }
}

/**
 * Understands what a user asks for, and gets the metadata. `passing`: see {@link EngagementParts}.
 *
 * @throws AtError `AT_INVALID_INPUT`, and what {@link resolveTarget} throws
 */
export async function openParts(
  target: string,
  options: Options,
  passing: boolean,
): Promise<{ readonly parts: DatasetParts; readonly feed: ProgressFeed }> {
  const { settings, datastore, parsed } = understand(target, options)
  const closing = abortWith(options.signal)
  const { signal } = closing
  const detour = settings.proxies && (await import("../node/detour.js")).createDetour(settings.proxies)
  const receiveLength = receiveLengthFor(options.maxDownload ?? sharedLimits()?.download.bytesPerSecond)
  const platform = createPlatform({ log: options.log, detour, receiveLength })
  const feed = new ProgressFeed(platform.clock, safeListener(options.onProgress, platform.log))
  const sessions = new SessionSource(platform, options)
  const context: ResolveContext = {
    platform,
    site: new Site(options.site ?? settings.site),
    cache: new TorrentCache({ platform, directory: settings.cache, datastore }),
    offline: options.offline ?? settings.offline,
    timeout: options.timeout,
    signal,
    feed,
    fromPeers: (wanted) => {
      if (!canAskPeers(wanted, options)) return undefined
      const means = { session: () => sessions.early(), options, follow: feed.follow.bind(feed) }
      return fromPeers(wanted, context, means)
    },
  }
  try {
    if (parsed.kind === "file" && !looksLikePath(target)) await refuseMistyped(target, parsed.path, platform)
    const resolved = await resolveTarget(parsed, context)
    feed.forget()
    const data = options.data && (await findData(platform.disk, resolved.metainfo, absolutePath(options.data)))
    const asked = { options: { ...options, data, signal }, context, datastore, resolved, passing }
    return { parts: { ...asked, platform, sessions, closing, turns: processTurns }, feed }
  } catch (error) {
    feed.end()
    await sessions.close()
    await platform.close()
    throw error
  }
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

async function refuseMistyped(target: string, path: string, { disk }: NodePlatform): Promise<void> {
  if ((await disk.stat(path)) !== undefined) return
  if (!looksLikeInfoHash(target)) throw malformed(target)
  throw new AtError("AT_INVALID_INPUT", `"${target}" does not name a dataset: an infohash has 40 hex digits`, {
    hint: `check the infohash: this has ${target.trim().length} digits`,
  })
}

/** Under a download limit, what comes in a twentieth of a second is received at a time, but a block at least. */
function receiveLengthFor(maxDownload: number | undefined): number | undefined {
  return maxDownload === undefined ? undefined : Math.min(Math.max(maxDownload / 20, 16 * 1024), 256 * 1024) | 0
}
