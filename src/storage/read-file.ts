import type { Disk, FileHandle } from "../ports/disk.js"

/** Opens a file to read, and closes it whatever comes of that. @throws DiskError */
export async function withFile<T>(
  disk: Pick<Disk, "open">,
  path: string,
  read: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await disk.open(path, "read")
  try {
    return await read(handle)
  } finally {
    await handle.close()
  }
}

/** A file's first bytes, `most` at most. @throws DiskError */
export async function firstBytes(handle: Pick<FileHandle, "read">, most: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(most)
  return bytes.subarray(0, await handle.read(bytes, 0))
}
