/**
 * The other downloaders, and which pieces are whose to fetch first, so that no two ask a seed for the same: what one has
 * got, the others get from it. They need not talk about it. Each piece gives every downloader a number made of both, and is
 * for whom the number is highest (rendezvous hashing, Thaler and Ravishankar 1998); our clients all come to the same
 * result. To other clients we choose at random.
 */
export class Fellows {
  readonly #own: number
  /** Source → hash of its peer id. */
  readonly #others = new Map<number, number>()

  constructor(peerId: Uint8Array) {
    this.#own = hash(peerId)
  }

  get size(): number {
    return this.#others.size
  }

  add(source: number, peerId: Uint8Array): void {
    this.#others.set(source, hash(peerId))
  }

  delete(source: number): void {
    this.#others.delete(source)
  }

  /**
   * How far the piece is ours: above 0 when it is. Who takes the highest first, and goes on with others' when its own are
   * done, comes to each piece when its owner would come to it last.
   */
  claim(piece: number): number {
    let highest = 0
    for (const other of this.#others.values()) highest = Math.max(highest, mix(other ^ piece))
    return mix(this.#own ^ piece) - highest
  }
}

/** FNV-1a, 32 bits. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193)
  return value
}

/** MurmurHash3's finalizer: each bit depends on all. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
