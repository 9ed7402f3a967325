import { toHex } from "../bytes/hex.js"
import { sameBytes } from "../bytes/same-bytes.js"
import { redactUrl } from "../bytes/url.js"
import { download } from "../catalog/download.js"
import { AtError, messageOf } from "../errors.js"
import { TORRENT_LIMITS } from "../metainfo/info-dictionary.js"
import type { Magnet } from "../metainfo/magnet.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { truncated } from "../metainfo/swarm-names.js"
import { parseTorrent } from "../metainfo/torrent-file.js"
import { DiskError } from "../ports/disk.js"
import type { Platform } from "../ports/platform.js"
import { firstBytes, withFile } from "../storage/read-file.js"
import { type FetchContext, fetchTorrent } from "./fetch-torrent.js"
import { GO_ONLINE } from "./needs-network.js"
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
  /** A copy that was on this machine: neither given nor fetched just now. */
  readonly kept: boolean
  /** A kept copy, old enough that the service may know more web seeds by now. */
  readonly stale: boolean
}

interface Hints {
  readonly trackers: readonly string[]
  readonly webSeeds: readonly string[]
  readonly peers: readonly { readonly host: string; readonly port: number }[]
}

/** A torrent whose metadata is wanted of peers. */
export interface Wanted {
  /** What they know it by: 20 bytes. */
  readonly infoHash: Uint8Array
  /** The first 20 bytes of its v2 infohash, when that is known. */
  readonly infoHashV2?: Uint8Array | undefined
  /** For people. */
  readonly name: string
  readonly hints: Hints
  /** Whether an info dictionary is the one that is looked for. */
  readonly matches: (metadata: Uint8Array) => boolean
}

const NO_HINTS: Hints = { trackers: [], webSeeds: [], peers: [] }

export interface ResolveContext extends FetchContext {
  readonly cache: TorrentCache
  /** The user named peers. */
  readonly namesPeers?: boolean
  /** Gets a .torrent from peers, when the service can't help; undefined when there is nobody to ask. */
  readonly fromPeers?: ((wanted: Wanted) => Promise<Uint8Array> | undefined) | undefined
}

/**
 * Gets a target's metadata: from where it was kept, else from the service or peers, a URL or a file. Whatever it comes from, its
 * infohash is checked.
 *
 * @throws AtError `AT_NOT_FOUND`, `AT_METADATA`, `AT_STALLED` (with a `timeout`), `AT_ABORTED`
 */
export async function resolveTarget(target: Target, context: ResolveContext): Promise<Resolved> {
  switch (target.kind) {
    case "file":
      return fresh(await readTorrent(target.path, context.platform), target.path, context.platform)
    case "url": {
      const shown = redactUrl(target.url)
      return fresh(await fetchTorrent(target.url, { name: shown }, context), shown, context.platform)
    }
    case "info-hash": {
      const { version, bytes } = target.infoHash
      const identity = version === 1 ? { v1: bytes, v2: null } : { v1: null, v2: bytes }
      return byInfoHash(identity, `the dataset ${toHex(bytes)}`, NO_HINTS, context)
    }
    case "magnet": {
      const { infoHash: v1, infoHashV2: v2, name, trackers, webSeeds, peers, selectOnly } = target.magnet
      const hints = { trackers, webSeeds, peers }
      return { ...(await byInfoHash({ v1, v2 }, name ?? "the magnet link", hints, context)), selectOnly }
    }
  }
}

/** ms without a byte. The one that we have will do: nobody is to wait long for a newer one. */
const PATIENCE_FOR_NEWER = 5_000

/** Asks the service for the present .torrent of a dataset: its trackers and web seeds change from day to day. */
export async function refreshTorrent(
  known: Pick<Metainfo, "infoHash" | "name">,
  context: ResolveContext,
): Promise<Pick<Resolved, "metainfo" | "torrentBytes">> {
  const { infoHash } = known
  const timeout = Math.min(context.timeout ?? PATIENCE_FOR_NEWER, PATIENCE_FOR_NEWER)
  const torrentBytes = await fetchTorrent(context.site.torrentUrl(infoHash), known, { ...context, timeout }, download)
  const metainfo = parseTorrent(torrentBytes, context.platform.hasher)
  if (!sameBytes(metainfo.infoHash, infoHash)) throw anotherDataset(metainfo)
  await context.cache.put(infoHash, torrentBytes)
  return { metainfo, torrentBytes }
}

/** What the service has now in place of a kept copy; the copy where the service can't help, which the user is told. */
export async function upToDate(resolved: Resolved, context: ResolveContext): Promise<Resolved> {
  if (!resolved.kept || context.offline) return resolved
  try {
    return { ...resolved, ...(await refreshTorrent(resolved.metainfo, context)), kept: false, stale: false }
  } catch (error) {
    const reason = messageOf(error)
    if (!context.signal?.aborted) {
      context.platform.log.log("notice", "metadata", `this is the copy kept on this machine: ${reason}`)
    }
    return resolved
  }
}

/** The infohashes that are known of a torrent: 20 bytes of v1, 32 of v2, or both. */
interface Identity {
  readonly v1: Uint8Array | null
  readonly v2: Uint8Array | null
}

async function byInfoHash(wanted: Identity, name: string, hints: Hints, context: ResolveContext): Promise<Resolved> {
  // Peers, trackers and files of ours know a v2 torrent by the first bytes of its infohash (BEP 52).
  const infoHashV2 = wanted.v2 === null ? undefined : truncated(wanted.v2)
  const infoHash = (wanted.v1 ?? infoHashV2)!
  const kept = await context.cache.get(infoHash)
  if (kept !== undefined) {
    try {
      const metainfo = matching(kept.bytes, wanted, context.platform)
      return { metainfo, torrentBytes: kept.bytes, hints, selectOnly: null, kept: true, stale: kept.stale }
    } catch (error) {
      context.platform.log.log("warn", "metadata", `the kept copy of ${toHex(infoHash)} is damaged: ${String(error)}`)
    }
  }
  if (context.offline) {
    throw new AtError("AT_METADATA", `the metadata of ${name} is not on this machine`, {
      hint: `${GO_ONLINE}, once; or use the .torrent file`,
    })
  }
  const { metainfo, torrentBytes } = await fromSiteOrPeers(wanted, { infoHash, infoHashV2, name, hints }, context)
  await context.cache.put(infoHash, torrentBytes)
  return { metainfo, torrentBytes, hints, selectOnly: null, kept: false, stale: false }
}

/** From the service; from peers, when it does not have the dataset or can't be reached. */
async function fromSiteOrPeers(
  wanted: Identity,
  { infoHash, infoHashV2, name, hints }: Omit<Wanted, "matches">,
  context: ResolveContext,
): Promise<Pick<Resolved, "metainfo" | "torrentBytes">> {
  const { platform, site, signal, fromPeers, namesPeers = false } = context
  try {
    const url = site.torrentUrl(infoHash)
    const torrentBytes = await fetchTorrent(url, { infoHash, name }, context)
    return { metainfo: saying(redactUrl(url), () => matching(torrentBytes, wanted, platform)), torrentBytes }
  } catch (error) {
    const { v1, v2 } = wanted
    const isDigest = (digest: Uint8Array | null, kind: "sha1" | "sha256", metadata: Uint8Array): boolean =>
      digest === null || sameBytes(platform.hasher.digest(kind, metadata), digest)
    const matches = (metadata: Uint8Array): boolean =>
      isDigest(v1, "sha1", metadata) && isDigest(v2, "sha256", metadata)
    const asked = signal?.aborted ? undefined : fromPeers?.({ infoHash, infoHashV2, name, hints, matches })
    if (asked === undefined) throw error
    platform.log.log("info", "metadata", `peers are asked, as the service can't help: ${String(error)}`)
    const torrentBytes = await asked.catch((fault: unknown) => {
      const isBare = hints.peers.length + hints.trackers.length === 0
      if (!isBare || !(fault instanceof AtError && fault.code === "AT_METADATA")) throw fault
      // Nobody but the DHT was asked: that the service has no such dataset says more.
      if (!namesPeers || !(error instanceof AtError)) throw error
      throw new AtError(error.code, `${error.message}; ${fault.message}`, { hint: error.hint, cause: error })
    })
    return { metainfo: matching(torrentBytes, wanted, platform), torrentBytes }
  }
}

function fresh(torrentBytes: Uint8Array, source: string, { hasher }: Platform): Resolved {
  const metainfo = saying(source, () => parseTorrent(torrentBytes, hasher))
  return { metainfo, torrentBytes, hints: NO_HINTS, selectOnly: null, kept: false, stale: false }
}

/** What is wrong with metadata is said of where it came from. */
function saying<T>(source: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof AtError)) throw error
    const { code, message, hint } = error
    throw new AtError(code, `${source}: ${message}`, { hint, cause: error })
  }
}

function matching(bytes: Uint8Array, { v1, v2 }: Identity, platform: Platform): Metainfo {
  const metainfo = parseTorrent(bytes, platform.hasher)
  const { infoHash, infoHashV2 } = metainfo
  const isV1 = v1 === null || sameBytes(infoHash, v1)
  const isV2 = v2 === null || (infoHashV2 !== null && sameBytes(infoHashV2, v2))
  if (!isV1 || !isV2) throw anotherDataset(metainfo)
  return metainfo
}

function anotherDataset({ infoHash }: Metainfo): AtError {
  return new AtError("AT_METADATA", `the .torrent file is of another dataset, ${toHex(infoHash)}`, {
    hint: "check the infohash; if it is right, the fault is at the service",
  })
}

/** Reads a .torrent file. @throws AtError `AT_NOT_FOUND`, `AT_METADATA` */
export async function readTorrent(path: string, { disk }: Pick<Platform, "disk">): Promise<Uint8Array> {
  try {
    return await withFile(disk, path, async (handle) => {
      const { size, kind } = await handle.stat()
      if (kind !== "file" || size > TORRENT_LIMITS.length) {
        throw new AtError("AT_METADATA", `${path} is not a .torrent file`, { hint: "give the path of a .torrent file" })
      }
      return firstBytes(handle, size)
    })
  } catch (cause) {
    if (cause instanceof AtError) throw cause
    if (cause instanceof DiskError && cause.failure !== "missing" && cause.failure !== "not-directory") {
      throw new AtError("AT_METADATA", cause.message, { hint: "check the file and its permissions", cause })
    }
    throw new AtError("AT_NOT_FOUND", `there is no file ${path}`, {
      hint: "give an infohash, a magnet link, a URL, or the path of a .torrent file that exists",
      cause,
    })
  }
}
