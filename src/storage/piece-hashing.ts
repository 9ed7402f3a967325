import { abortError } from "../errors.js"
import { inParallel } from "./parallel.js"
import { DIGEST_LENGTH, type Digesting, digestPieces } from "./piece-digests.js"
import type { ReadProblem } from "./span-reader.js"

/** Bytes read at a time, unless a piece is longer: several small pieces share one read. */
const RUN_LENGTH = 2 ** 20
/** Bytes of memory for all that is being read and hashed at a time. */
const MEMORY = 64 * 2 ** 20
const MAX_LANES = 8

export interface PieceHashingOptions extends Digesting {
  /** Ascending. */
  readonly pieces: Iterable<number>
  /** Fills `into` with the torrent's bytes from `offset` on. */
  readonly read: (offset: number, into: Uint8Array) => Promise<readonly ReadProblem[]>
  /** `digest` is absent when not all bytes could be had. The bytes are only valid until its promise settles. */
  readonly onPiece: (piece: number, digest: Uint8Array | undefined, bytes: Uint8Array) => Promise<void> | void
  readonly onProgress?: ((bytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads pieces and hashes them on all workers, several at a time, within bounded memory. That a file was changed does not
 * matter here: the digest tells.
 */
export async function hashPieces(options: PieceHashingOptions): Promise<void> {
  const { layout, signal } = options
  const perRun = Math.max(1, Math.floor(RUN_LENGTH / layout.pieceLength))
  const runLength = Math.min(perRun * layout.pieceLength, layout.length)
  const lanes = Math.min(MAX_LANES, Math.max(2, Math.floor(MEMORY / runLength)))
  const memory: Uint8Array[] = []
  await inParallel(runsOf(options.pieces, perRun), lanes, async (run) => {
    if (signal?.aborted === true) throw abortError(signal.reason)
    const lane = memory.pop() ?? new Uint8Array(new SharedArrayBuffer(runLength))
    try {
      await hashRun(options, run, lane)
    } finally {
      memory.push(lane)
    }
  })
}

/** Neighbouring pieces. */
export interface Run {
  readonly first: number
  readonly count: number
}

export function piecesOf({ first, count }: Run): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}

/** Neighbours, so many at most. */
export function* runsOf(pieces: Iterable<number>, limit: number): Generator<Run> {
  let first = 0
  let count = 0
  for (const piece of pieces) {
    if (count > 0 && (piece !== first + count || count === limit)) {
      yield { first, count }
      count = 0
    }
    if (count === 0) first = piece
    count++
  }
  if (count > 0) yield { first, count }
}

async function hashRun(options: PieceHashingOptions, run: Run, lane: Uint8Array): Promise<void> {
  const { layout } = options
  const offset = layout.pieceOffset(run.first)
  const last = run.first + run.count - 1
  const bytes = lane.subarray(0, layout.pieceOffset(last) + layout.pieceSize(last) - offset)
  const problems = await options.read(offset, bytes)
  if (run.count > 1 && problems.some(({ kind }) => kind === "unreadable")) {
    // The disk refused somewhere in the stretch: which piece it is shows one by one.
    for (let piece = run.first; piece <= last; piece++) await hashRun(options, { first: piece, count: 1 }, lane)
    return
  }
  const holes = problems.filter(({ kind }) => kind !== "changed")
  const views = piecesOf(run).map((piece) => {
    const from = layout.pieceOffset(piece) - offset
    return { piece, from, data: bytes.subarray(from, from + layout.pieceSize(piece)) }
  })
  const whole = views.filter(
    ({ from, data }) => !holes.some((hole) => hole.from < from + data.length && hole.to > from),
  )
  const digests = await digestPieces(
    options,
    whole.map(({ piece }) => piece),
    whole.map(({ data }) => data),
  )
  const size = DIGEST_LENGTH[options.version]
  let hashed = 0
  for (const view of views) {
    const digest = whole[hashed] === view ? digests.subarray(size * hashed, size * ++hashed) : undefined
    await options.onPiece(view.piece, digest, view.data)
    options.onProgress?.(layout.dataSize(view.piece))
  }
}
