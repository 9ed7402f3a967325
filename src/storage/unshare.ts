import type { Disk, FileHandle } from "../ports/disk.js"
import type { DataFile } from "./data-file.js"
import { type Directories, parentOf } from "./directories.js"
import type { FilePool } from "./file-pool.js"

/** Bytes copied at a time. */
const CHUNK = 4 * 1024 * 1024

export interface UnshareOptions {
  readonly disk: Disk
  readonly pool: FilePool
  readonly directories: Directories
}

/**
 * Where the file at its final place has other names, too, a copy of it takes this one: what is written to it from then on
 * changes nothing under the others, which may lie outside of the datastore.
 */
export async function unshare(file: DataFile, { disk, pool, directories }: UnshareOptions): Promise<void> {
  const shared = await disk.stat(file.path)
  if (shared === undefined || shared.links <= 1) return
  await pool.forget(file.key)
  const copy = `${file.partPath}.copy-${shared.inode}`
  // With this number, it is what a run of ours left that was killed.
  await disk.remove(copy)
  const from = await disk.open(file.path, "read")
  try {
    const to = await disk.open(copy, "create-new")
    try {
      await copyBytes(from, to)
      await disk.rename(copy, file.path)
      file.standsAt("final", await to.stat())
    } catch (error) {
      await disk.remove(copy).catch(() => {})
      throw error
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
  directories.changed(parentOf(file.path))
}

/** On the disk itself, before the only other copy of what is right in it may go. */
async function copyBytes(from: FileHandle, to: FileHandle): Promise<void> {
  const { size } = await from.stat()
  const memory = new Uint8Array(Math.min(CHUNK, size))
  for (let position = 0; ; ) {
    const length = await from.read(memory, position)
    if (length === 0) break
    await to.write([memory.subarray(0, length)], position)
    position += length
  }
  await to.sync()
}
