import { encodeUtf8 } from "../bytes/text.js"
import { AtError } from "../errors.js"
import { choosePieceLength, compareFilePaths, compareTreePaths, padFiles } from "../metainfo/create.js"
import { MAX_PIECES, TORRENT_LIMITS } from "../metainfo/info-dictionary.js"
import { TorrentLayout } from "../metainfo/layout.js"
import type { TorrentVersion } from "../metainfo/metainfo.js"
import { MAX_FILES } from "../metainfo/raw-file.js"
import { safeName, safePaths } from "../metainfo/safe-path.js"
import type { DraftFile } from "../metainfo/torrent-draft.js"
import type { Disk } from "../ports/disk.js"
import { DIGEST_LENGTH } from "../storage/piece-digests.js"
import type { CreateOptions } from "./create-options.js"
import { findFiles } from "./find-files.js"

/** Longer pieces are refused by many clients (libtorrent's limit is lower still for old versions). */
const MAX_PIECE_LENGTH = 256 * 1024 * 1024
const MIN_PIECE_LENGTH = 16 * 1024

/**
 * A file that is called otherwise where it is downloaded, as not every system can have its name. Both paths begin with the
 * dataset's name.
 */
export interface RenamedFile {
  readonly path: string
  readonly savedAs: string
}

/** All that is known of a new torrent before its pieces are hashed. */
export interface TorrentPlan {
  readonly version: TorrentVersion
  readonly kind: "file" | "folder"
  readonly name: string
  /** In the order of the torrent, a hybrid's padding included; paths relative to the folder. */
  readonly files: readonly DraftFile[]
  /** The same with paths on the disk. */
  readonly layout: TorrentLayout
  /** Bytes of all files, padding left out. */
  readonly length: number
  readonly pieceLength: number
  readonly skipped: readonly string[]
  readonly renamed: readonly RenamedFile[]
}

/**
 * Looks at the data and decides on piece length and order, so that what is wrong is said before hours of hashing.
 *
 * @throws AtError `AT_INVALID_INPUT` when there is nothing to share, or too much for one torrent
 */
export async function planTorrent(
  disk: Disk,
  root: string,
  { version = "v1", pieceLength: wantedLength, output, signal }: CreateOptions,
): Promise<TorrentPlan> {
  if (wantedLength !== undefined) checkPieceLength(wantedLength)
  const name = root.slice(root.lastIndexOf("/") + 1)
  if (name === "") {
    throw new AtError("AT_INVALID_INPUT", `${root} has no name that a dataset could have`, {
      hint: "choose a folder inside it",
    })
  }
  const { kind, files: found, skipped } = await findFiles(disk, root, { except: output, signal })
  const length = found.reduce((sum, file) => sum + file.length, 0)
  if (length === 0) {
    throw new AtError("AT_INVALID_INPUT", `there is no data in ${root}`, { hint: "choose a file or folder with data" })
  }
  const pieceLength = wantedLength ?? checkPieceLength(choosePieceLength(length))
  const inOrder = found.sort((a, b) => (version === "v1" ? compareFilePaths : compareTreePaths)(a.path, b.path))
  const files: readonly DraftFile[] = version === "hybrid" ? padFiles(inOrder, pieceLength) : inOrder
  const layout = TorrentLayout.of(
    pieceLength,
    files.map(({ path, length, padding = false }) => ({ path: [root, ...path].join("/"), length, padding })),
    version === "v2" ? "aligned" : "contiguous",
  )
  refuseTooMany(layout, version)
  const renamed = renamedFiles(kind, name, inOrder)
  return { version, kind, name, files, layout, length, pieceLength, skipped, renamed }
}

function renamedFiles(kind: "file" | "folder", name: string, files: readonly DraftFile[]): RenamedFile[] {
  const safe = safeName(encodeUtf8(name), name)
  if (kind === "file") return safe === name ? [] : [{ path: name, savedAs: safe }]
  const paths = safePaths(files.map(({ path }) => path.map(encodeUtf8)))
  return files
    .map(({ path }, index) => ({ path: [name, ...path].join("/"), savedAs: `${safe}/${paths[index]!}` }))
    .filter(({ path, savedAs }) => path !== savedAs)
}

/** Nobody should get a torrent that can't be read. */
function refuseTooMany({ pieceCount, files }: TorrentLayout, version: TorrentVersion): void {
  const most = Math.min(MAX_PIECES, Math.floor(TORRENT_LIMITS.length / DIGEST_LENGTH[version]))
  if (pieceCount > most) {
    throw new AtError("AT_INVALID_INPUT", `${pieceCount} pieces are too many: a torrent can have ${most} at most`, {
      hint: "use a larger `pieceLength`",
    })
  }
  if (files.length > MAX_FILES) {
    throw new AtError(
      "AT_INVALID_INPUT",
      `${files.length} files are too many: a torrent can have ${MAX_FILES} at most`,
      {
        hint: "put them into archives, or share the folders inside one by one",
      },
    )
  }
}

function checkPieceLength(pieceLength: number): number {
  const isPowerOfTwo = Number.isInteger(Math.log2(pieceLength))
  if (isPowerOfTwo && pieceLength >= MIN_PIECE_LENGTH && pieceLength <= MAX_PIECE_LENGTH) return pieceLength
  throw new AtError("AT_INVALID_INPUT", `a piece can't be ${pieceLength} bytes long`, {
    hint: "use a power of two from 16 KiB to 256 MiB",
  })
}
