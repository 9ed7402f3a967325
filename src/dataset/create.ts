import { toHex } from "../bytes/hex.js"
import { AtError } from "../errors.js"
import { createTorrent } from "../metainfo/create.js"
import { fileHashes } from "../metainfo/file-hashes.js"
import { createPlatform } from "../node/platform.js"
import { absolutePath } from "../node/user-settings.js"
import { VERSION } from "../node/version.js"
import type { Platform } from "../ports/platform.js"
import { hashFiles } from "../storage/create-pieces.js"
import { checkCreateOptions, checkPath } from "./check-options.js"
import type { CreateOptions } from "./create-options.js"
import { planTorrent, type RenamedFile } from "./create-plan.js"
import { guarded } from "./guarded.js"
import { ProgressFeed } from "./progress-feed.js"
import { replaceFile, tryPlace } from "./replace-file.js"
import { safeListener } from "./safe-listener.js"
import { stillSnapshot } from "./still-snapshot.js"

/** What `create` made. */
export interface Created {
  /** The absolute path of the .torrent file. */
  readonly path: string
  /** The v1 infohash, 40 hex digits; of a v2 torrent the same as `infoHashV2`. */
  readonly infoHash: string
  /** The v2 infohash, 64 hex digits; null for a v1 torrent. */
  readonly infoHashV2: string | null
  /** The name of the file or folder. */
  readonly name: string
  /** Bytes of all files together. */
  readonly length: number
  /** In bytes. */
  readonly pieceLength: number
  readonly pieceCount: number
  /** Paths that were left out: links, sockets, devices, names that are not UTF-8, and `.academictorrents`. */
  readonly skipped: readonly string[]
  /** Files whose names not every system can have (`12:00.csv`), and what they are called where they are downloaded. */
  readonly renamed: readonly RenamedFile[]
}

/**
 * Makes a .torrent file of a file or a folder, whose data is only read.
 *
 * @throws AtError `AT_INVALID_INPUT`, `AT_EXISTS`, `AT_DISK_FULL`, `AT_DISK_IO` (also if a file changes meanwhile), `AT_ABORTED`
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
  } catch (cause) {
    if (!(cause instanceof AtError && cause.code === "AT_ABORTED")) throw cause
    throw new AtError("AT_ABORTED", cause.message, {
      hint: "try again: it begins anew, no .torrent file was written",
      cause,
    })
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
  await refuseExisting(platform, output, options)
  // Before hours of hashing.
  await tryPlace(platform, output)
  const plan = await planTorrent(platform.disk, root, { ...options, output })
  const { version, name, layout, length, pieceLength } = plan
  const { sha1, nodes } = await hashFiles({
    platform,
    version,
    layout,
    signal: options.signal,
    onProgress: (done, total) =>
      feed.show(stillSnapshot({ name, infoHash: "" }, { state: "checking", doneBytes: done, totalBytes: total })),
  })
  const { torrent, info } = createTorrent({
    name,
    kind: plan.kind,
    files: plan.files,
    pieceLength,
    pieceHashes: sha1,
    fileHashes: nodes && fileHashes(layout, nodes, (data) => hasher.digest("sha256", data)),
    private: options.private ?? false,
    trackers: options.trackers ?? [],
    webSeeds: options.urls ?? [],
    createdBy: `academictorrents ${VERSION}`,
    creationDate: Math.floor(platform.clock.wallTime() / 1000),
    comment: options.comment,
  })
  // Hashing takes a while: somebody else may have written there.
  await refuseExisting(platform, output, options)
  await replaceFile(platform, output, torrent, { durable: true })
  return {
    path: output,
    infoHash: toHex(hasher.digest(version === "v2" ? "sha256" : "sha1", info)),
    infoHashV2: version === "v1" ? null : toHex(hasher.digest("sha256", info)),
    name,
    length,
    pieceLength,
    pieceCount: layout.pieceCount,
    skipped: plan.skipped,
    renamed: plan.renamed,
  }
}

async function refuseExisting({ disk }: Platform, output: string, { overwrite }: CreateOptions): Promise<void> {
  const there = await disk.stat(output)
  if (there === undefined) return
  // A device, as /dev/null, or a link must not become a file.
  if (there.kind !== "file") {
    throw new AtError("AT_EXISTS", `${output} is not an ordinary file`, {
      hint: "choose another path for the .torrent file",
    })
  }
  if (overwrite) return
  throw new AtError("AT_EXISTS", `${output} exists already`, { hint: "choose another path, or use `overwrite`" })
}
