/** Bytes of one memory: a few blocks. */
const LENGTH = 64 * 1024
/** Memories kept for later use: as much as is given to a connection ahead of the network. */
const MAX_SPARE = 8

/** Memory for bytes on their way to the network, used again when they are gone: fresh memory is dear. */
export class SendMemory {
  readonly #spare: Region[] = []
  #region: Region | undefined

  /** A copy of `bytes`, to be sent; `onSent` is to be called when it is not needed any more. */
  copy(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly onSent: () => void } {
    if (bytes.length > LENGTH) return { bytes: bytes.slice(), onSent: () => {} }
    let region = this.#region
    if (region === undefined || region.used + bytes.length > LENGTH) {
      this.#leave(region)
      region = this.#spare.pop() ?? new Region((left) => this.#keep(left))
      this.#region = region
    }
    return region.copy(bytes)
  }

  #leave(region: Region | undefined): void {
    if (region === undefined) return
    region.left = true
    if (region.users === 0) this.#keep(region)
  }

  #keep(region: Region): void {
    region.used = 0
    region.left = false
    if (this.#spare.length < MAX_SPARE) this.#spare.push(region)
  }
}

class Region {
  readonly #memory = new Uint8Array(LENGTH)
  used = 0
  users = 0
  /** Nothing more is put into it. */
  left = false
  readonly #onSent: () => void

  constructor(onFree: (region: Region) => void) {
    this.#onSent = () => {
      this.users--
      if (this.left && this.users === 0) onFree(this)
    }
  }

  copy(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly onSent: () => void } {
    const copy = this.#memory.subarray(this.used, this.used + bytes.length)
    copy.set(bytes)
    this.used += bytes.length
    this.users++
    return { bytes: copy, onSent: this.#onSent }
  }
}
