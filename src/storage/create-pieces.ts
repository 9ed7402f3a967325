import { AtError, abortError } from "../errors.js"
import { TorrentLayout } from "../metainfo/layout.js"
import { DataFile, sameStamp, stampOf } from "./data-file.js"
import { DataFiles } from "./data-files.js"
import { Directories } from "./directories.js"
import { diskFault } from "./disk-fault.js"
import { hashOnDisk } from "./disk-hashing.js"
import { FilePool } from "./file-pool.js"
import { inParallel } from "./parallel.js"
import type { StoragePlatform } from "./parts.js"

const PARALLEL_LOOKS = 64

export interface HashFilesOptions {
  readonly platform: StoragePlatform
  /** In torrent order; `path` absolute, `length` in bytes as it was found. */
  readonly files: readonly { readonly path: string; readonly length: number }[]
  /** Bytes. */
  readonly pieceLength: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((hashedBytes: number, totalBytes: number) => void) | undefined
}

/**
 * The SHA-1 of each piece of files that lie one after the other, 20 bytes each: what a v1 torrent of them says. Read in
 * bounded memory, hashed on all workers.
 *
 * @throws AtError `AT_DISK_IO` when a file can't be read, or is written to meanwhile; `AT_ABORTED`
 */
export async function hashFiles(options: HashFilesOptions): Promise<Uint8Array> {
  const { platform, signal } = options
  if (signal?.aborted === true) throw abortError(signal.reason)
  const pool = new FilePool({ disk: platform.disk })
  try {
    return await hashAll(options, pool)
  } catch (error) {
    throw diskFault(error)
  } finally {
    await pool.close()
  }
}

async function hashAll(options: HashFilesOptions, pool: FilePool): Promise<Uint8Array> {
  const { platform, pieceLength, signal, onProgress } = options
  const { disk, hasher } = platform
  const layout = layoutOf(options)
  const table = options.files.map(({ path, length }, index) => new DataFile(index, length, path, path))
  const directories = new Directories({ disk, base: "/", onUsed: () => {} })
  const files = new DataFiles({ disk, layout, files: table, pool, directories, onChanged: () => {} })
  await inParallel(table, PARALLEL_LOOKS, async (file) => {
    file.selected = true
    const there = await files.look(file, "final")
    if (there?.size !== file.length) throw changedFile(file)
    file.place = "final"
    file.stamp = stampOf("final", there)
  })
  const hashes = new Uint8Array(20 * Math.ceil(layout.length / pieceLength))
  let done = 0
  await hashOnDisk({
    hasher,
    layout,
    pieces: Array(layout.pieceCount).keys(),
    files,
    read: async (offset, into) => {
      for (const { kind, file } of await files.readSpan(offset, into)) {
        if (file !== undefined) throw kind === "unreadable" ? unreadableFile(file) : changedFile(file)
      }
      return []
    },
    onPiece: (piece, digest) => {
      if (digest !== undefined) hashes.set(digest, 20 * piece)
    },
    onProgress: (bytes) => {
      done += bytes
      onProgress?.(done, layout.length)
    },
    signal,
  })
  // What was read first may have changed since.
  await inParallel(table, PARALLEL_LOOKS, async (file) => {
    const now = await files.stampNow(file)
    if (now === undefined || file.stamp === undefined || !sameStamp(now, file.stamp)) throw changedFile(file)
  })
  return hashes
}

function layoutOf({ files, pieceLength }: HashFilesOptions): TorrentLayout {
  let offset = 0
  const placed = files.map(({ path, length }) => {
    const file = { path, offset, length, padding: false }
    offset += length
    return file
  })
  return new TorrentLayout(pieceLength, placed)
}

function changedFile(file: DataFile): AtError {
  return new AtError("AT_DISK_IO", `${file.path} was changed while it was being read`, {
    hint: "run again when nobody writes to it",
  })
}

function unreadableFile(file: DataFile): AtError {
  return new AtError("AT_DISK_IO", `${file.path} can't be read`, { hint: "check the disk" })
}
