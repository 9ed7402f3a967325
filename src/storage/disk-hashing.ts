import { Bitfield } from "../bytes/bitfield.js"
import { abortError } from "../errors.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { FilePart } from "../ports/hasher.js"
import type { DataFiles } from "./data-files.js"
import { inParallel } from "./parallel.js"
import { DIGEST_LENGTH, type Digesting, digestParts } from "./piece-digests.js"
import { hashPieces, piecesOf, type Run, runsOf } from "./piece-hashing.js"
import type { ReadProblem } from "./span-reader.js"

/** Bytes hashed by one worker at a time, unless a piece is longer: some milliseconds, so that handing over costs nothing. */
const RUN_LENGTH = 4 * 2 ** 20
/** Bytes given to the workers at a time, as far as two pieces are not more: a stop, or progress, waits for no more. */
const UNDER_WAY = 32 * 2 ** 20

export interface DiskHashingOptions extends Digesting {
  /** Ascending. */
  readonly pieces: Iterable<number>
  readonly files: DataFiles
  /** Fills `into` with the torrent's bytes from `offset` on: for what the hasher can't read. */
  readonly read: (offset: number, into: Uint8Array) => Promise<readonly ReadProblem[]>
  /** `digest` is absent when not all bytes could be had. */
  readonly onPiece: (piece: number, digest: Uint8Array | undefined) => void
  readonly onProgress?: ((bytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Hashes pieces where they stand: the hasher reads the files itself, so that no byte passes through this thread. Pieces
 * that it can't read are read here, one by one, which shows what is wrong with each.
 */
export async function hashOnDisk(options: DiskHashingOptions): Promise<void> {
  const { layout, version, signal } = options
  const size = DIGEST_LENGTH[version]
  const perRun = Math.max(1, Math.floor(RUN_LENGTH / layout.pieceLength))
  const lanes = Math.max(2, Math.floor(UNDER_WAY / (perRun * layout.pieceLength)))
  const left = new Bitfield(layout.pieceCount)
  await inParallel(runsOf(options.pieces, perRun), lanes, async (run) => {
    if (signal?.aborted === true) throw abortError(signal.reason)
    const parts = partsOf(options.files, layout.pieceOffset(run.first), lengthOf(layout, run))
    const pieces = piecesOf(run)
    const digests = parts && (await digestParts(options, pieces, parts))
    for (const [i, piece] of pieces.entries()) {
      if (digests === undefined) {
        left.add(piece)
        continue
      }
      options.onPiece(piece, digests.subarray(size * i, size * (i + 1)))
      options.onProgress?.(layout.dataSize(piece))
    }
  })
  await hashPieces({ ...options, pieces: left })
}

function lengthOf(layout: TorrentLayout, { first, count }: Run): number {
  const last = first + count - 1
  return layout.pieceOffset(last) + layout.pieceSize(last) - layout.pieceOffset(first)
}

/** Where a span of the torrent's bytes stands in files; undefined when some of it is nowhere, or in `edges/`. */
function partsOf(files: DataFiles, offset: number, length: number): FilePart[] | undefined {
  const parts: FilePart[] = []
  let at = 0
  const padUpTo = (end: number): void => {
    if (end > at) parts.push({ path: undefined, position: 0, length: end - at })
    at = end
  }
  for (const extent of files.layout.extents(offset, length)) {
    const file = files.at(extent.file)
    if (file.place === "none") return undefined
    padUpTo(extent.pieceOffset)
    parts.push({ path: file.current, position: extent.fileOffset, length: extent.length })
    at += extent.length
  }
  padUpTo(length)
  return parts
}
