import type { SimRandom } from "./sim-random.js"

/** What a page cache keeps and loses at a time. */
export const PAGE = 4096
/** Disks write whole sectors: a page torn by a power cut is torn between two of them. */
const SECTOR = 512

/** What a page or a length was when it was last safe. */
type Page = Uint8Array | undefined

/**
 * The bytes of one file as the page cache shows them, and an undo log of all that is not on the disk itself yet.
 */
export class MemoryFile {
  readonly inode: bigint
  readonly bornNs: bigint
  mtimeNs: bigint
  #size = 0
  readonly #pages = new Map<number, Uint8Array>()
  /** The safe state of each page written since the last sync. */
  #unsafe = new Map<number, Page>()
  #safeSize = 0
  /** Pages a failed sync let go of: they read well, but only writing them again can make them safe. */
  readonly #dropped = new Map<number, Page>()

  constructor(inode: bigint, bornNs: bigint, mtimeNs = bornNs) {
    this.inode = inode
    this.bornNs = bornNs
    this.mtimeNs = mtimeNs
  }

  get size(): number {
    return this.#size
  }

  /** Bytes of disk space it takes; holes take none. */
  get allocated(): number {
    return this.#pages.size * PAGE
  }

  /** What writing `length` bytes at `position` would add to `allocated`. */
  growth(position: number, length: number): number {
    let fresh = 0
    for (let page = Math.floor(position / PAGE); page * PAGE < position + length; page++) {
      if (!this.#pages.has(page)) fresh += PAGE
    }
    return fresh
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.#size - position))
    for (let done = 0; done < length; ) {
      const offset = (position + done) % PAGE
      const part = Math.min(PAGE - offset, length - done)
      const page = this.#pages.get(Math.floor((position + done) / PAGE))
      if (page === undefined) into.fill(0, done, done + part)
      else into.set(page.subarray(offset, offset + part), done)
      done += part
    }
    return length
  }

  write(data: Uint8Array, position: number): void {
    for (let done = 0; done < data.length; ) {
      const offset = (position + done) % PAGE
      const part = Math.min(PAGE - offset, data.length - done)
      this.#change(Math.floor((position + done) / PAGE)).set(data.subarray(done, done + part), offset)
      done += part
    }
    this.#size = Math.max(this.#size, position + data.length)
  }

  /** A byte goes bad, on the disk itself. */
  flip(position: number): void {
    const page = this.#pages.get(Math.floor(position / PAGE))
    if (page === undefined || position >= this.#size) throw new RangeError(`nothing is written at ${position}`)
    page[position % PAGE] = page[position % PAGE]! ^ 0xff
  }

  truncate(length: number): void {
    for (const page of [...this.#pages.keys()]) {
      if (page * PAGE >= length) {
        this.#remember(page)
        this.#pages.delete(page)
      } else if ((page + 1) * PAGE > length) {
        this.#change(page).fill(0, length - page * PAGE)
      }
    }
    this.#size = length
  }

  sync(): void {
    this.#unsafe = new Map()
    this.#safeSize = this.#size
  }

  /** A sync that failed: Linux marks the pages clean all the same, and the next sync says all is well. */
  failSync(): void {
    for (const [page, safe] of this.#unsafe) this.#dropped.set(page, safe)
    this.#unsafe = new Map()
  }

  get isSafe(): boolean {
    return this.#unsafe.size === 0 && this.#dropped.size === 0 && this.#safeSize === this.#size
  }

  /**
   * The power fails: of what was not synced, `keep` (0 to 1) of the pages survives, one of the others perhaps torn.
   * The length survives with the same chance, pages or not: a file may come back long and full of zeros.
   */
  crash(keep: number, random: SimRandom): void {
    for (const [page, safe] of [...this.#unsafe, ...this.#dropped]) {
      if (random.chance(keep)) continue
      const torn = random.chance(keep) ? random.below(PAGE / SECTOR) * SECTOR : 0
      const now = this.#pages.get(page)
      if (torn > 0 && now !== undefined) {
        const mixed = safe === undefined ? new Uint8Array(PAGE) : safe.slice()
        mixed.set(now.subarray(0, torn))
        this.#pages.set(page, mixed)
      } else if (safe === undefined) this.#pages.delete(page)
      else this.#pages.set(page, safe.slice())
    }
    if (!random.chance(keep)) this.#size = this.#safeSize
    this.#dropped.clear()
    this.#clip()
    this.sync()
  }

  copy(): MemoryFile {
    const copy = new MemoryFile(this.inode, this.bornNs, this.mtimeNs)
    for (const [page, bytes] of this.#pages) copy.#pages.set(page, bytes.slice())
    // The safe states are never written to, so the copy may share them.
    copy.#unsafe = new Map(this.#unsafe)
    for (const [page, bytes] of this.#dropped) copy.#dropped.set(page, bytes)
    copy.#size = this.#size
    copy.#safeSize = this.#safeSize
    return copy
  }

  /** A page to write into, its safe state remembered. */
  #change(page: number): Uint8Array {
    this.#remember(page)
    const bytes = this.#pages.get(page) ?? new Uint8Array(PAGE)
    this.#pages.set(page, bytes)
    return bytes
  }

  #remember(page: number): void {
    if (this.#unsafe.has(page)) return
    const safe = this.#dropped.has(page) ? this.#dropped.get(page) : this.#pages.get(page)?.slice()
    this.#dropped.delete(page)
    this.#unsafe.set(page, safe)
  }

  /** Nothing lies beyond the end. */
  #clip(): void {
    for (const [page, bytes] of [...this.#pages]) {
      if (page * PAGE >= this.#size) this.#pages.delete(page)
      else if ((page + 1) * PAGE > this.#size) bytes.fill(0, this.#size - page * PAGE)
    }
  }
}
