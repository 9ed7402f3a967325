import { toHex } from "../bytes/hex.js"
import { redactUrl } from "../bytes/url.js"
import { download } from "../catalog/download.js"
import type { Site } from "../catalog/site.js"
import { AtError } from "../errors.js"
import { TORRENT_LIMITS } from "../metainfo/info-dictionary.js"
import type { Magnet } from "../metainfo/magnet.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { parseTorrent } from "../metainfo/torrent-file.js"
import type { Platform } from "../ports/platform.js"
import type { Target } from "./target.js"
import type { TorrentCache } from "./torrent-cache.js"

/** A dataset's metadata, and how it was found. */
export interface Resolved {
  readonly metainfo: Metainfo
  /** The whole .torrent. */
  readonly torrentBytes: Uint8Array
  /** Hints that a magnet link added. */
  readonly hints: Hints
  /** Indexes of files that a magnet link asks for (BEP 53), as ranges with both ends; null: all. */
  readonly selectOnly: Magnet["selectOnly"]
  /** A kept copy, old enough that the service may know more web seeds by now. */
  readonly stale: boolean
}

export interface Hints {
  readonly trackers: readonly string[]
  readonly webSeeds: readonly string[]
  readonly peers: readonly { readonly host: string; readonly port: number }[]
}

/** A torrent whose metadata is wanted of peers. */
export interface Wanted {
  /** What they know it by: 20 bytes. */
  readonly infoHash: Uint8Array
  /** For people. */
  readonly name: string
  readonly hints: Hints
  /** Whether an info dictionary is the one that is looked for. */
  readonly matches: (metadata: Uint8Array) => boolean
}

const NO_HINTS: Hints = { trackers: [], webSeeds: [], peers: [] }

export interface ResolveContext {
  readonly platform: Platform
  readonly site: Site
  readonly cache: TorrentCache
  readonly offline: boolean
  readonly signal?: AbortSignal | undefined
  /** Gets a .torrent from peers, when the service can't help; undefined when there is nobody to ask. */
  readonly fromPeers?: ((wanted: Wanted) => Promise<Uint8Array> | undefined) | undefined
}

/**
 * Gets a target's metadata: from where it was kept, else from the service or peers, a URL or a file. Whatever it comes from, its
 * infohash is checked.
 *
 * @throws AtError `AT_NOT_FOUND`, `AT_METADATA`, `AT_ABORTED`
 */
export async function resolveTarget(target: Target, context: ResolveContext): Promise<Resolved> {
  switch (target.kind) {
    case "file":
      return fresh(await readTorrent(target.path, context.platform), context.platform)
    case "url":
      return fresh(await fetchTorrent(target.url, context), context.platform)
    case "info-hash":
      return byInfoHash(target.infoHash.bytes, `the dataset ${toHex(target.infoHash.bytes)}`, NO_HINTS, context)
    case "magnet": {
      const { infoHash, infoHashV2, name, trackers, webSeeds, peers, selectOnly } = target.magnet
      const hints = { trackers, webSeeds, peers }
      const resolved = await byInfoHash((infoHash ?? infoHashV2)!, name ?? "the magnet link", hints, context)
      // Of a hybrid it names both.
      if (infoHashV2 !== null) mustBe(infoHashV2, resolved.metainfo)
      return { ...resolved, selectOnly }
    }
  }
}

/** Asks the service for the present .torrent of a dataset: its trackers and web seeds change from day to day. */
export async function refreshTorrent(infoHash: Uint8Array, context: ResolveContext): Promise<Metainfo> {
  const bytes = await fetchTorrent(context.site.torrentUrl(infoHash), context)
  const metainfo = matching(bytes, infoHash, context.platform)
  await context.cache.put(infoHash, bytes)
  return metainfo
}

/** `wanted`: 20 bytes of v1, or 32 of v2. */
async function byInfoHash(wanted: Uint8Array, name: string, hints: Hints, context: ResolveContext): Promise<Resolved> {
  // Peers, trackers and files of ours know a v2 torrent by the first bytes of its infohash (BEP 52).
  const infoHash = wanted.subarray(0, 20)
  const kept = await context.cache.get(infoHash)
  if (kept !== undefined) {
    try {
      const metainfo = matching(kept.bytes, wanted, context.platform)
      return { metainfo, torrentBytes: kept.bytes, hints, selectOnly: null, stale: kept.stale }
    } catch (error) {
      context.platform.log.log("warn", "metadata", `the kept copy of ${toHex(infoHash)} is damaged: ${String(error)}`)
    }
  }
  if (context.offline) {
    throw new AtError("AT_METADATA", `the metadata of ${name} is not on this machine`, {
      hint: "run once without --offline, or give the .torrent file",
    })
  }
  const { metainfo, torrentBytes } = await fromSiteOrPeers(wanted, { infoHash, name, hints }, context)
  await context.cache.put(infoHash, torrentBytes)
  return { metainfo, torrentBytes, hints, selectOnly: null, stale: false }
}

/** From the service; from peers, when it does not have the dataset or can't be reached. */
async function fromSiteOrPeers(
  wanted: Uint8Array,
  { infoHash, name, hints }: Omit<Wanted, "matches">,
  context: ResolveContext,
): Promise<Pick<Resolved, "metainfo" | "torrentBytes">> {
  const { platform, site, signal, fromPeers } = context
  try {
    const torrentBytes = await fetchTorrent(site.torrentUrl(infoHash), context)
    return { metainfo: matching(torrentBytes, wanted, platform), torrentBytes }
  } catch (error) {
    const matches = (metadata: Uint8Array): boolean =>
      toHex(platform.hasher.digest(wanted.length === 20 ? "sha1" : "sha256", metadata)) === toHex(wanted)
    const asked = signal?.aborted ? undefined : fromPeers?.({ infoHash, name, hints, matches })
    if (asked === undefined) throw error
    platform.log.log("info", "metadata", `peers are asked, as the service can't help: ${String(error)}`)
    const torrentBytes = await asked.catch((fault: unknown) => {
      // Nobody but the DHT was asked: that the service has no such dataset says more.
      const isBare = hints.peers.length + hints.trackers.length === 0
      throw isBare && fault instanceof AtError && fault.code === "AT_METADATA" ? error : fault
    })
    return { metainfo: matching(torrentBytes, wanted, platform), torrentBytes }
  }
}

function fresh(torrentBytes: Uint8Array, platform: Platform): Resolved {
  const metainfo = parseTorrent(torrentBytes, platform.hasher)
  return { metainfo, torrentBytes, hints: NO_HINTS, selectOnly: null, stale: false }
}

function matching(bytes: Uint8Array, wanted: Uint8Array, platform: Platform): Metainfo {
  const metainfo = parseTorrent(bytes, platform.hasher)
  mustBe(wanted, metainfo)
  return metainfo
}

/** `wanted`: 20 bytes of v1, or 32 of v2. */
function mustBe(wanted: Uint8Array, metainfo: Metainfo): void {
  const { infoHash, infoHashV2 } = metainfo
  const known = wanted.length === 20 ? infoHash : infoHashV2
  if (known !== null && toHex(known) === toHex(wanted)) return
  throw new AtError("AT_METADATA", `the .torrent is that of another dataset, ${toHex(metainfo.infoHash)}`, {
    hint: "check the infohash; if it is right, the site is at fault",
  })
}

async function fetchTorrent(url: string, context: ResolveContext): Promise<Uint8Array> {
  const { platform, signal, offline } = context
  const shown = redactUrl(url)
  if (offline) {
    throw new AtError("AT_METADATA", `${shown} can't be fetched offline`, { hint: "run without --offline" })
  }
  const outcome = await download(platform.http, url, { limit: TORRENT_LIMITS.length, signal })
  switch (outcome.kind) {
    case "ok":
      return outcome.bytes
    case "status":
      if (outcome.status === 404 || outcome.status === 410) {
        throw new AtError("AT_NOT_FOUND", `there is no such dataset at ${shown}`, {
          hint: "check the infohash; the dataset may have been removed or superseded: name a peer that has it with --peer",
        })
      }
      throw new AtError("AT_METADATA", `${shown} answered with HTTP status ${outcome.status}`, {
        hint: outcome.status === 429 ? "wait a while and try again" : "try again later, or give the .torrent file",
      })
    case "failed":
      throw new AtError("AT_METADATA", `${shown} can't be fetched: ${outcome.error.message}`, {
        hint: "check the network, or give the .torrent file",
        cause: outcome.error,
      })
  }
}

async function readTorrent(path: string, { disk }: Platform): Promise<Uint8Array> {
  try {
    const handle = await disk.open(path, "read")
    try {
      const { size, kind } = await handle.stat()
      if (kind !== "file" || size > TORRENT_LIMITS.length) {
        throw new AtError("AT_METADATA", `${path} is not a .torrent file`, { hint: "give the path of a .torrent file" })
      }
      const bytes = new Uint8Array(size)
      return bytes.subarray(0, await handle.read(bytes, 0))
    } finally {
      await handle.close()
    }
  } catch (cause) {
    if (cause instanceof AtError) throw cause
    throw new AtError("AT_NOT_FOUND", `${path} can't be read`, {
      hint: "give an infohash, a URL, or the path of a .torrent file that exists",
      cause,
    })
  }
}
