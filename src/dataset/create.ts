import { toHex } from "../bytes/hex.js"
import { AtError, abortError } from "../errors.js"
import { choosePieceLength, compareFilePaths, compareTreePaths, createTorrent, padFiles } from "../metainfo/create.js"
import { fileHashes } from "../metainfo/file-hashes.js"
import { MAX_PIECES, TORRENT_LIMITS } from "../metainfo/info-dictionary.js"
import { TorrentLayout } from "../metainfo/layout.js"
import type { TorrentVersion } from "../metainfo/metainfo.js"
import { MAX_FILES } from "../metainfo/raw-file.js"
import type { DraftFile } from "../metainfo/torrent-draft.js"
import { createPlatform } from "../node/platform.js"
import { absolutePath } from "../node/user-settings.js"
import { VERSION } from "../node/version.js"
import type { Platform } from "../ports/platform.js"
import { hashFiles } from "../storage/create-pieces.js"
import { DIGEST_LENGTH } from "../storage/piece-digests.js"
import { checkCreateOptions, checkPath } from "./check-options.js"
import { checkingSnapshot } from "./checking-snapshot.js"
import type { CreateOptions } from "./create-options.js"
import { guarded } from "./guarded.js"
import { ProgressFeed } from "./progress-feed.js"
import { replaceFile } from "./replace-file.js"
import { safeListener } from "./safe-listener.js"

/** Longer pieces are refused by many clients (libtorrent's limit is lower still for old versions). */
const MAX_PIECE_LENGTH = 256 * 1024 * 1024
const MIN_PIECE_LENGTH = 16 * 1024

/** What was made. */
export interface Created {
  /** Absolute path of the .torrent. */
  readonly path: string
  /** What it is known by: 40 hex digits; of a v2 torrent 64, as `infoHashV2`. */
  readonly infoHash: string
  /** 64 hex digits; null for v1. */
  readonly infoHashV2: string | null
  readonly name: string
  /** Bytes of all files. */
  readonly length: number
  readonly pieceLength: number
  readonly pieceCount: number
  /** Paths left out: links, sockets, devices, and what has a name that is not UTF-8. */
  readonly skipped: readonly string[]
}

/**
 * Makes a .torrent of a file or a folder.
 *
 * @throws AtError `AT_INVALID_INPUT`, `AT_EXISTS`, `AT_DISK_IO` (also when a file changes meanwhile), `AT_ABORTED`
 *
 * @example
 * ```ts
 * const { infoHash } = await at.create("measurements", {
 *   output: "measurements.torrent",
 *   trackers: [["https://academictorrents.com/announce.php"]],
 *   urls: ["https://data.example.edu/"],
 * })
 * ```
 */
export async function create(path: string, options: CreateOptions): Promise<Created> {
  checkPath(path)
  checkCreateOptions(options)
  const platform = createPlatform()
  const feed = new ProgressFeed(platform.clock, safeListener(options.onProgress, platform.log))
  try {
    return await guarded(() => createFrom(platform, absolutePath(path), options, feed))
  } finally {
    feed.end()
    await platform.close()
  }
}

async function createFrom(
  platform: Platform,
  root: string,
  options: CreateOptions,
  feed: ProgressFeed,
): Promise<Created> {
  const { hasher } = platform
  const output = absolutePath(options.output)
  if (!options.overwrite) await refuseExisting(platform, output)
  const { version = "v1" } = options
  const wantedLength = options.pieceLength === undefined ? undefined : checkPieceLength(options.pieceLength)
  const { kind, files: found, skipped } = await walk(platform, root, { output, signal: options.signal })
  const length = found.reduce((sum, file) => sum + file.length, 0)
  if (length === 0) {
    throw new AtError("AT_INVALID_INPUT", `there are no bytes in ${root}`, { hint: "name a file or folder with data" })
  }
  const pieceLength = wantedLength ?? checkPieceLength(choosePieceLength(length))
  const name = root.slice(root.lastIndexOf("/") + 1)
  const inOrder = found.sort((a, b) => (version === "v1" ? compareFilePaths : compareTreePaths)(a.path, b.path))
  const files: readonly DraftFile[] = version === "hybrid" ? padFiles(inOrder, pieceLength) : inOrder
  const layout = TorrentLayout.of(
    pieceLength,
    files.map(({ path, length, padding = false }) => ({ path: [root, ...path].join("/"), length, padding })),
    version === "v2" ? "aligned" : "contiguous",
  )
  refuseTooMany(layout, version)
  const { sha1, nodes } = await hashFiles({
    platform,
    version,
    layout,
    signal: options.signal,
    onProgress: (done, total) => feed.show(checkingSnapshot({ name, infoHash: "" }, done, total)),
  })
  const { torrent, info } = createTorrent({
    name,
    kind,
    files,
    pieceLength,
    pieceHashes: sha1,
    fileHashes: nodes && fileHashes(layout, nodes, (data) => hasher.digest("sha256", data)),
    private: options.private ?? false,
    trackers: options.trackers ?? [],
    webSeeds: options.urls ?? [],
    createdBy: `academictorrents ${VERSION}`,
    creationDate: Math.floor(platform.clock.wallTime() / 1000),
    ...(options.comment === undefined ? {} : { comment: options.comment }),
  })
  // Hashing takes a while: somebody else may have written there.
  if (!options.overwrite) await refuseExisting(platform, output)
  await replaceFile(platform, output, torrent, { durable: true })
  return {
    path: output,
    infoHash: toHex(hasher.digest(version === "v2" ? "sha256" : "sha1", info)),
    infoHashV2: version === "v1" ? null : toHex(hasher.digest("sha256", info)),
    name,
    length,
    pieceLength,
    pieceCount: layout.pieceCount,
    skipped,
  }
}

async function refuseExisting({ disk }: Platform, output: string): Promise<void> {
  if ((await disk.stat(output)) === undefined) return
  throw new AtError("AT_EXISTS", `${output} exists already`, { hint: "name another file, or use `overwrite`" })
}

interface Found {
  readonly kind: "file" | "folder"
  /** Paths relative to the root, empty for a file. */
  readonly files: { path: string[]; length: number }[]
  readonly skipped: string[]
}

/** What there is to share; not `output`, which may lie there from the last time. */
async function walk(
  { disk }: Platform,
  root: string,
  { output, signal }: { readonly output: string; readonly signal: AbortSignal | undefined },
): Promise<Found> {
  const stat = await disk.stat(root)
  if (stat?.kind === "file") return { kind: "file", files: [{ path: [], length: stat.size }], skipped: [] }
  if (stat?.kind === "symlink") {
    throw new AtError("AT_INVALID_INPUT", `${root} is a symbolic link`, { hint: "name the file or folder it leads to" })
  }
  if (stat?.kind !== "directory") {
    throw new AtError("AT_INVALID_INPUT", `${root} is no file and no folder`, { hint: "name the data to share" })
  }
  const found: Found = { kind: "folder", files: [], skipped: [] }
  const visit = async (folder: string[]): Promise<void> => {
    if (signal?.aborted) throw abortError(signal.reason)
    for (const name of await disk.list([root, ...folder].join("/"))) {
      const path = [...folder, name]
      const whole = [root, ...path].join("/")
      if (whole === output) continue
      const entry = await disk.stat(whole)
      if (entry?.kind === "directory") await visit(path)
      else if (entry?.kind === "file") found.files.push({ path, length: entry.size })
      else found.skipped.push(path.join("/"))
    }
  }
  await visit([])
  return found
}

/** Before hours of hashing: nobody should get a torrent that can't be read. */
function refuseTooMany({ pieceCount, files }: TorrentLayout, version: TorrentVersion): void {
  const most = Math.min(MAX_PIECES, Math.floor(TORRENT_LIMITS.length / DIGEST_LENGTH[version]))
  if (pieceCount > most) {
    throw new AtError("AT_INVALID_INPUT", `${pieceCount} pieces are too many for a torrent: at most ${most} are read`, {
      hint: "use a larger `pieceLength`",
    })
  }
  if (files.length > MAX_FILES) {
    throw new AtError(
      "AT_INVALID_INPUT",
      `${files.length} files are too many for a torrent: at most ${MAX_FILES} are read`,
      {
        hint: "put them into archives, or share the folders inside one by one",
      },
    )
  }
}

function checkPieceLength(pieceLength: number): number {
  const isPowerOfTwo = Number.isInteger(Math.log2(pieceLength))
  if (isPowerOfTwo && pieceLength >= MIN_PIECE_LENGTH && pieceLength <= MAX_PIECE_LENGTH) return pieceLength
  throw new AtError("AT_INVALID_INPUT", `${pieceLength} bytes are no piece length`, {
    hint: "give a power of two from 16K to 256M",
  })
}
