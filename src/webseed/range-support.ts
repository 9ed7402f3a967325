import type { TorrentLayout } from "../metainfo/layout.js"

/** Bytes that are read and thrown away to reach a place in a file on a server that knows no ranges. */
export const LONGEST_DISCARD = 4 * 1024 * 1024

/** Whether a server sends parts of files: the last answer counts, as caches send whole files while they are cold. */
export class RangeSupport {
  readonly #layout: TorrentLayout
  readonly #hasLargeFiles: boolean
  #isThere: boolean | undefined
  #wasThere = false

  constructor(layout: TorrentLayout) {
    this.#layout = layout
    this.#hasLargeFiles = layout.files.some(({ length, padding }) => !padding && length > LONGEST_DISCARD)
  }

  /** Undefined until a part has been asked for. */
  get isThere(): boolean | undefined {
    return this.#isThere
  }

  /** It has sent a part, be it long ago. */
  get wasThere(): boolean {
    return this.#wasThere
  }

  /** To go on in the middle of a large file, everything before it would be sent again. */
  get wastes(): boolean {
    return this.#isThere === false && this.#hasLargeFiles
  }

  learnt(isThere: boolean): void {
    this.#isThere = isThere
    if (isThere) this.#wasThere = true
  }

  /** False where the server would send much of a file before the byte at `offset` in the torrent. */
  canStartAt(offset: number): boolean {
    if (this.#isThere !== false) return true
    const file = this.#layout.files[this.#layout.fileAt(offset)]
    return file === undefined || file.padding || offset - file.offset <= LONGEST_DISCARD
  }
}
