import type { TorrentLayout } from "../metainfo/layout.js"
import { DiskError } from "../ports/disk.js"
import { type DataFile, sameStamp, stampOf } from "./data-file.js"
import type { Edges } from "./edges.js"
import type { FilePool } from "./file-pool.js"
import { inParallel } from "./parallel.js"

/** Small files of one span that are read at a time. */
const PARALLEL = 16

/** Why some bytes of a span could not be had, or can't be relied on. */
export interface ReadProblem {
  /** `missing`: not there, or the file is too short. `changed`: the file is not as we left it. */
  readonly kind: "missing" | "changed" | "unreadable"
  /** Absent: the bytes stand in `edges/`. */
  readonly file?: DataFile
  /** Within the span. */
  readonly from: number
  readonly to: number
}

export interface SpanReaderOptions {
  readonly layout: TorrentLayout
  readonly files: readonly (DataFile | undefined)[]
  readonly pool: FilePool
  readonly edges?: Edges | undefined
}

/** Reads the torrent's bytes where they lie: in files, in `edges/`, and nowhere for padding. */
export class SpanReader {
  readonly #options: SpanReaderOptions

  constructor(options: SpanReaderOptions) {
    this.#options = options
  }

  /**
   * Fills `into` with the torrent's bytes from `offset` on, zeros for padding. What it says of a file that was changed is
   * about the moment after the read, so none of these bytes is newer than its answer.
   */
  async read(offset: number, into: Uint8Array): Promise<ReadProblem[]> {
    if (this.#options.layout.padded) into.fill(0)
    const problems: ReadProblem[] = []
    await inParallel(this.#options.layout.extents(offset, into.length), PARALLEL, async (extent) => {
      const from = extent.pieceOffset
      const to = from + extent.length
      const file = this.#options.files[extent.file]!
      if (file.inEdges) {
        problems.push(...(await this.#readEdges(offset, from, to, into)))
        return
      }
      const problem = await this.readExtent(file, extent.fileOffset, into.subarray(from, to))
      if (problem !== undefined) problems.push({ kind: problem.kind, file, from: from + problem.after, to })
    })
    return problems
  }

  /** A part of one file. `after`: so many bytes are in order. */
  async readExtent(
    file: DataFile,
    position: number,
    into: Uint8Array,
  ): Promise<{ kind: ReadProblem["kind"]; after: number } | undefined> {
    if (file.place === "none") return { kind: "missing", after: 0 }
    try {
      return await this.#options.pool.use(
        file.key,
        () => file.current,
        "read",
        async (handle) => {
          const count = await handle.read(into, position)
          if (count < into.length) return { kind: "missing", after: count }
          if (file.stamp === undefined) return undefined
          const now = stampOf("final", await handle.stat())
          // Our own write may have begun meanwhile: then it has no stamp.
          if (file.stamp === undefined || sameStamp(file.stamp, now)) return undefined
          return { kind: "changed", after: 0 }
        },
      )
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      if (error.failure === "missing") return { kind: "missing", after: 0 }
      if (error.failure === "io") return { kind: "unreadable", after: 0 }
      throw error
    }
  }

  async #readEdges(offset: number, from: number, to: number, into: Uint8Array): Promise<ReadProblem[]> {
    const { layout, edges } = this.#options
    const { pieceLength } = layout
    const problems: ReadProblem[] = []
    for (let at = from; at < to; ) {
      const piece = Math.floor((offset + at) / pieceLength)
      const end = Math.min(to, (piece + 1) * pieceLength - offset)
      const position = offset + at - piece * pieceLength
      const found = await readIn(edges, piece, position, into.subarray(at, end))
      if (found !== "whole") problems.push({ kind: found, from: at, to: end })
      at = end
    }
    return problems
  }
}

async function readIn(
  edges: Edges | undefined,
  piece: number,
  position: number,
  into: Uint8Array,
): Promise<"whole" | "missing" | "unreadable"> {
  try {
    return (await edges?.read(piece, position, into)) === true ? "whole" : "missing"
  } catch (error) {
    if (error instanceof DiskError && error.failure === "io") return "unreadable"
    throw error
  }
}
