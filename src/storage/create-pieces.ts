import { AtError, abortError } from "../errors.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { HASH_LENGTH } from "../metainfo/merkle.js"
import type { TorrentVersion } from "../metainfo/metainfo.js"
import { DataFile, sameStamp } from "./data-file.js"
import { DataFiles } from "./data-files.js"
import { Directories } from "./directories.js"
import { hashOnDisk } from "./disk-hashing.js"
import { FilePool } from "./file-pool.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"
import type { StoragePlatform } from "./parts.js"
import { SHA1_LENGTH } from "./piece-digests.js"

export interface HashFilesOptions {
  readonly platform: StoragePlatform
  readonly version: TorrentVersion
  /** Paths of files are absolute, lengths are as they were found. */
  readonly layout: TorrentLayout
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((hashedBytes: number, totalBytes: number) => void) | undefined
}

/** The digests of all pieces, one behind the other. */
export interface PieceHashes {
  /** SHA-1, 20 bytes each; undefined for v2. */
  readonly sha1: Uint8Array | undefined
  /** Their places in the hash trees of their files, 32 bytes each; undefined for v1. */
  readonly nodes: Uint8Array | undefined
}

/**
 * The digests of each piece of files: what a torrent of them says. Read in bounded memory, hashed on all workers.
 *
 * @throws DiskError when a file can't be read; AtError `AT_DISK_IO` when one is written to meanwhile, `AT_ABORTED`
 */
export async function hashFiles(options: HashFilesOptions): Promise<PieceHashes> {
  const { platform, signal } = options
  if (signal?.aborted === true) throw abortError(signal.reason)
  const pool = new FilePool({ disk: platform.disk })
  try {
    return await hashAll(options, pool)
  } finally {
    await pool.close()
  }
}

async function hashAll(options: HashFilesOptions, pool: FilePool): Promise<PieceHashes> {
  const { platform, version, layout, signal, onProgress } = options
  const { disk, hasher } = platform
  const table = layout.files.map(({ path, length, padding }, index) =>
    padding ? undefined : new DataFile(index, length, path, path),
  )
  const present = table.filter((file) => file !== undefined)
  const total = present.reduce((sum, { length }) => sum + length, 0)
  const directories = new Directories({ disk, base: "/" })
  const files = new DataFiles({ disk, layout, files: table, pool, directories })
  await inParallel(present, PARALLEL_LOOKS, async (file) => {
    file.selected = true
    const there = await files.look(file, "final")
    if (there?.size !== file.length) throw changedFile(file)
    file.standsAt("final", there)
  })
  const sha1 = version === "v2" ? undefined : new Uint8Array(SHA1_LENGTH * layout.pieceCount)
  const nodes = version === "v1" ? undefined : new Uint8Array(HASH_LENGTH * layout.pieceCount)
  let done = 0
  await hashOnDisk({
    hasher,
    layout,
    version,
    pieces: Array(layout.pieceCount).keys(),
    files,
    read: async (offset, into) => {
      for (const { kind, file } of await files.readSpan(offset, into)) {
        if (file !== undefined) throw kind === "unreadable" ? unreadableFile(file) : changedFile(file)
      }
      return []
    },
    onPiece: (piece, digest) => {
      if (digest === undefined) return
      sha1?.set(digest.subarray(0, SHA1_LENGTH), SHA1_LENGTH * piece)
      nodes?.set(digest.subarray(-HASH_LENGTH), HASH_LENGTH * piece)
      done += layout.dataSize(piece)
      onProgress?.(done, total)
    },
    signal,
  })
  // What was read first may have changed since.
  await inParallel(present, PARALLEL_LOOKS, async (file) => {
    const now = await files.stampNow(file)
    if (now === undefined || file.stamp === undefined || !sameStamp(now, file.stamp)) throw changedFile(file)
  })
  return { sha1, nodes }
}

function changedFile(file: DataFile): AtError {
  return new AtError("AT_DISK_IO", `${file.path} was changed while it was being read`, {
    hint: "try again when no other program writes to it",
  })
}

function unreadableFile(file: DataFile): AtError {
  return new AtError("AT_DISK_IO", `${file.path} can't be read`, { hint: "check the disk" })
}
