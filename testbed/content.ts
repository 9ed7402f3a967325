import { open } from "node:fs/promises"
import { join } from "node:path"
import type { Torrent } from "./torrent.js"

/** Reads a torrent's bytes, wherever they are. */
export type Content = (offset: number, length: number) => Promise<Buffer>

/**
 * The bytes of a file or folder on disk; `path` is the thing itself, whatever its name.
 * Files are opened for each read: 20,000 of them must not need 20,000 handles.
 */
export function contentOnDisk(torrent: Torrent, path: string): Content {
  return async (offset, length) => {
    const bytes = Buffer.alloc(length)
    const end = offset + length
    for (let i = firstFileAt(torrent, offset); i < torrent.files.length; i++) {
      const file = torrent.files[i]!
      if (file.offset >= end) break
      if (file.padding || file.length === 0) continue
      const from = Math.max(offset, file.offset)
      const size = Math.min(end, file.offset + file.length) - from
      const handle = await open(join(path, ...file.path))
      try {
        const { bytesRead } = await handle.read(bytes, from - offset, size, from - file.offset)
        if (bytesRead !== size) throw new Error(`${file.path.join("/")} is shorter than its torrent says`)
      } finally {
        await handle.close()
      }
    }
    return bytes
  }
}

/** Bytes in memory, in the torrent's order. */
export function contentInMemory(bytes: Uint8Array): Content {
  return (offset, length) => Promise.resolve(Buffer.from(bytes.subarray(offset, offset + length)))
}

function firstFileAt(torrent: Torrent, offset: number): number {
  let low = 0
  let high = torrent.files.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const file = torrent.files[middle]!
    if (file.offset + file.length <= offset) low = middle + 1
    else high = middle
  }
  return low
}
