import { Bitfield } from "../bytes/bitfield.js"

/** Bytes asked for at once: 2^14 (BEP 3: clients close connections that ask for more). */
export const BLOCK_LENGTH = 16384

/** A file inside a torrent. */
export interface LayoutFile {
  /** Safe path below the dataset's folder, with `/`; for a single-file torrent, the file's safe name. Unique. */
  readonly path: string
  /** Where it starts in the torrent's bytes. */
  readonly offset: number
  readonly length: number
  /** Zeros that align the next file to a piece (BEP 47): hashed, never stored, never shown. */
  readonly padding: boolean
}

const NONE: readonly number[] = []

/** As they come (BEP 3), or each but the empty ones from the next piece on (BEP 52). */
export type FileOrder = "contiguous" | "aligned"

/** The part of a piece that lies in one file. */
export interface Extent {
  /** Index into {@link TorrentLayout.files}. */
  readonly file: number
  readonly fileOffset: number
  readonly pieceOffset: number
  readonly length: number
}

/**
 * All arithmetic on pieces, blocks and files, in one place.
 *
 * A block is a number: `piece × blocksPerPiece + index`. The numbers are dense but for short pieces.
 */
export class TorrentLayout {
  /** Where the last file ends. */
  readonly length: number
  readonly pieceLength: number
  readonly pieceCount: number
  /** Blocks of every piece that is not short. */
  readonly blocksPerPiece: number
  readonly files: readonly LayoutFile[]
  /** Some of the files are padding. */
  readonly padded: boolean
  readonly #order: FileOrder
  /** Bytes in each piece, where files start at pieces and there is nothing between them (BEP 52). */
  readonly #sizes: Uint32Array | undefined

  /** Files one behind the other. */
  static of(pieceLength: number, files: readonly Omit<LayoutFile, "offset">[], order: FileOrder): TorrentLayout {
    let end = 0
    const placed = files.map((file): LayoutFile => {
      const gap = order === "aligned" && file.length > 0 ? (pieceLength - (end % pieceLength)) % pieceLength : 0
      const offset = end + gap
      end = offset + file.length
      return { path: file.path, offset, length: file.length, padding: file.padding }
    })
    return new TorrentLayout(pieceLength, placed, order)
  }

  /**
   * `files` are in torrent order, and already checked against all limits. Where they are aligned there are gaps between
   * them, which are no part of any piece.
   */
  constructor(pieceLength: number, files: readonly LayoutFile[], order: FileOrder = "contiguous") {
    const last = files[files.length - 1]
    this.files = files
    this.padded = files.some(({ padding }) => padding)
    this.#order = order
    this.length = last === undefined ? 0 : last.offset + last.length
    this.pieceLength = pieceLength
    this.pieceCount = Math.ceil(this.length / pieceLength)
    this.blocksPerPiece = Math.ceil(pieceLength / BLOCK_LENGTH)
    this.#sizes = sizesBetweenGaps(files, this.pieceCount, pieceLength)
  }

  /** Bytes of all files, padding left out: what users call the size. O(files). */
  get dataLength(): number {
    return this.files.reduce((sum, { length, padding }) => sum + (padding ? 0 : length), 0)
  }

  pieceOffset(piece: number): number {
    return piece * this.pieceLength
  }

  /** Bytes in a piece: the last one may be short, and so may each file's last one where there are gaps. */
  pieceSize(piece: number): number {
    if (this.#sizes !== undefined) return this.#sizes[piece]!
    return piece === this.pieceCount - 1 ? this.length - piece * this.pieceLength : this.pieceLength
  }

  /** Bytes of files in some of the pieces together, padding left out. */
  dataSizeOf(pieces: Iterable<number>): number {
    let size = 0
    for (const piece of pieces) size += this.dataSize(piece)
    return size
  }

  /** Bytes of files in a piece, padding left out. O(files in it) in a torrent with padding. */
  dataSize(piece: number): number {
    if (!this.padded) return this.pieceSize(piece)
    return this.extentsOfPiece(piece).reduce((sum, { length }) => sum + length, 0)
  }

  /** Bytes in a piece before padding or the next file begins: what its hash of BEP 52 is over. */
  contentSize(piece: number): number {
    const offset = this.pieceOffset(piece)
    const file = this.files[this.fileAt(offset)]!
    return Math.min(this.pieceSize(piece), file.offset + file.length - offset)
  }

  /**
   * The blocks of a piece that are padding alone, by their place in it. A piece of nothing else (no client makes them) has
   * none: it is received as any other, so that there is somebody to blame when it does not hash right.
   */
  paddingBlocks(piece: number): readonly number[] {
    if (!this.padded) return NONE
    const extents = this.extentsOfPiece(piece)
    const blocks: number[] = []
    if (extents.length === 0) return blocks
    let next = 0
    for (const { pieceOffset, length } of extents) {
      for (; (next + 1) * BLOCK_LENGTH <= pieceOffset; next++) blocks.push(next)
      next = Math.ceil((pieceOffset + length) / BLOCK_LENGTH)
    }
    for (; next < this.blockCount(piece); next++) blocks.push(next)
    return blocks
  }

  /** Blocks in a piece. */
  blockCount(piece: number): number {
    return Math.ceil(this.pieceSize(piece) / BLOCK_LENGTH)
  }

  /** The number of a piece's `index`-th block. */
  block(piece: number, index: number): number {
    return piece * this.blocksPerPiece + index
  }

  pieceOfBlock(block: number): number {
    return Math.floor(block / this.blocksPerPiece)
  }

  /** A block's place among its piece's blocks. */
  indexOfBlock(block: number): number {
    return block % this.blocksPerPiece
  }

  /** Bytes in a block: the last one of a piece may be short. */
  blockLength(block: number): number {
    const begin = this.indexOfBlock(block) * BLOCK_LENGTH
    return Math.min(BLOCK_LENGTH, this.pieceSize(this.pieceOfBlock(block)) - begin)
  }

  /** The gate for numbers from the wire: the block that `begin` and `length` name exactly, or undefined. */
  checkBlock(piece: number, begin: number, length: number): number | undefined {
    if (!(piece >= 0 && piece < this.pieceCount) || begin % BLOCK_LENGTH !== 0) return undefined
    const size = this.pieceSize(piece)
    if (begin < 0 || begin >= size || length !== Math.min(BLOCK_LENGTH, size - begin)) return undefined
    return this.block(piece, begin / BLOCK_LENGTH)
  }

  /** True when `begin` and `length` name bytes inside a piece. */
  checkRange(piece: number, begin: number, length: number): boolean {
    return piece >= 0 && piece < this.pieceCount && begin >= 0 && length > 0 && begin + length <= this.pieceSize(piece)
  }

  /**
   * True when a peer may ask for these bytes. Where files are aligned, libtorrent 2.0.8 asks for whole blocks beyond a file's
   * end as if there was padding: zeros are the answer.
   */
  mayAsk(piece: number, begin: number, length: number): boolean {
    if (this.#order === "contiguous") return this.checkRange(piece, begin, length)
    return this.checkRange(piece, begin, 1) && length > 0 && begin + length <= this.pieceLength
  }

  /** Index of the first file that ends beyond `offset` (empty files never do). */
  fileAt(offset: number): number {
    let low = 0
    let high = this.files.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const file = this.files[middle]!
      if (file.offset + file.length <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The files that a span of the torrent's bytes lies in, in order; padding and empty files left out. */
  extents(offset: number, length: number): Extent[] {
    const extents: Extent[] = []
    const end = offset + length
    for (let i = this.fileAt(offset); i < this.files.length; i++) {
      const file = this.files[i]!
      if (file.offset >= end) break
      if (file.length === 0 || file.padding) continue
      const from = Math.max(offset, file.offset)
      const to = Math.min(end, file.offset + file.length)
      extents.push({ file: i, fileOffset: from - file.offset, pieceOffset: from - offset, length: to - from })
    }
    return extents
  }

  /** The files that a piece lies in, in order; padding and empty files left out. */
  extentsOfPiece(piece: number): Extent[] {
    return this.extents(this.pieceOffset(piece), this.pieceSize(piece))
  }

  /** Calls `visit` with each file that a piece lies in, as {@link extentsOfPiece} names them; allocates nothing. */
  eachFileOfPiece(piece: number, visit: (file: number) => void): void {
    const end = this.pieceOffset(piece) + this.pieceSize(piece)
    for (let i = this.fileAt(this.pieceOffset(piece)); i < this.files.length; i++) {
      const file = this.files[i]!
      if (file.offset >= end) break
      if (file.length > 0 && !file.padding) visit(i)
    }
  }

  /** True when a piece lies in one file alone, padding aside. */
  liesInOneFile(piece: number): boolean {
    const end = this.pieceOffset(piece) + this.pieceSize(piece)
    let found = 0
    for (let i = this.fileAt(this.pieceOffset(piece)); i < this.files.length && found < 2; i++) {
      const file = this.files[i]!
      if (file.offset >= end) break
      if (file.length > 0 && !file.padding) found++
    }
    return found === 1
  }

  /** The part of a piece that lies in a file (its index), which has some of it. */
  extentIn(piece: number, index: number): Extent {
    const { offset, length } = this.files[index]!
    const start = this.pieceOffset(piece)
    const from = Math.max(start, offset)
    const to = Math.min(start + this.pieceSize(piece), offset + length)
    return { file: index, fileOffset: from - offset, pieceOffset: from - start, length: to - from }
  }

  /** The pieces that a file lies in: from `first` up to, not including, `end`. Empty for an empty file. */
  piecesOfFile(index: number): { first: number; end: number } {
    const file = this.files[index]!
    const first = Math.floor(file.offset / this.pieceLength)
    return { first, end: file.length === 0 ? first : Math.ceil((file.offset + file.length) / this.pieceLength) }
  }

  /** The pieces that some files (indexes) lie in. */
  piecesOfFiles(files: Iterable<number>): Bitfield {
    const pieces = new Bitfield(this.pieceCount)
    for (const index of files) {
      const { first, end } = this.piecesOfFile(index)
      for (let piece = first; piece < end; piece++) pieces.add(piece)
    }
    return pieces
  }
}

/** Undefined where there are no gaps. */
function sizesBetweenGaps(
  files: readonly LayoutFile[],
  pieceCount: number,
  pieceLength: number,
): Uint32Array | undefined {
  let end = 0
  let sizes: Uint32Array | undefined
  for (const file of files) {
    if (file.offset > end) {
      sizes ??= new Uint32Array(pieceCount).fill(pieceLength)
      sizes[Math.floor(end / pieceLength)] = end % pieceLength
    }
    end = file.offset + file.length
  }
  if (sizes !== undefined && end % pieceLength > 0) sizes[pieceCount - 1] = end % pieceLength
  return sizes
}
