import { metadataError } from "./metadata-error.js"

/** A file as a torrent describes it. */
export interface RawFile {
  /** May be anything. */
  readonly path: readonly Uint8Array[]
  readonly length: number
  readonly padding: boolean
}

export const MAX_FILES = 500_000
/** No file system takes more in one path (Linux: 4,096 bytes). */
const MAX_PATH_LENGTH = 4096
const MAX_PATH_ELEMENTS = 128

/** Bytes of a path, separators included. @throws AtError `AT_METADATA` when no file system takes so many */
export function checkedPathLength(path: readonly Uint8Array[], index: number): number {
  const length = path.reduce((sum, element) => sum + element.length + 1, 0)
  if (path.length <= MAX_PATH_ELEMENTS && length <= MAX_PATH_LENGTH) return length
  throw metadataError(`the path of file ${index} of the torrent is longer than any file system takes`)
}
