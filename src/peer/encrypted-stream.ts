import { HeldWrites } from "../bytes/held-writes.js"
import type { ByteStream, Endpoint } from "../ports/net.js"
import type { MseAgreement } from "../wire/mse.js"
import { SendMemory } from "./send-memory.js"

/** The longest IA, whose length has 16 bits. */
const MAX_INITIAL_PAYLOAD = 65_535

/**
 * A stream with message stream encryption above another. What is sent is copied, since blocks are lent, and encrypted in
 * the copy; where plaintext was agreed on, it is passed on untouched. What is received goes past it, but for
 * {@link decrypt}.
 */
export class EncryptedStream implements ByteStream {
  readonly #below: ByteStream
  #agreement: MseAgreement | undefined
  #encryptedLeft = 0
  /** What waits for the agreement. */
  readonly #held = new HeldWrites()
  #memory: SendMemory | undefined
  #closed = false

  constructor(below: ByteStream, agreement?: MseAgreement) {
    this.#below = below
    if (agreement !== undefined) this.agree(agreement)
  }

  get remote(): Endpoint {
    return this.#below.remote
  }

  get utp(): boolean {
    return this.#below.utp === true
  }

  get ownHost(): string | undefined {
    return this.#below.ownHost
  }

  get bufferedBytes(): number {
    return this.#held.bytes + this.#below.bufferedBytes
  }

  /** All is encrypted, not the handshake alone. */
  get encryptsAll(): boolean {
    return this.#agreement?.encrypt !== undefined
  }

  /** From here on it is known what happens with the bytes. What was written before is sent. */
  agree(agreement: MseAgreement): void {
    this.#agreement = agreement
    this.#encryptedLeft = agreement.encryptedLeft
    this.#held.flush(this)
  }

  /** What was written first, before there was an agreement: it may go out within the handshake. */
  takeInitialPayload(): Uint8Array {
    return this.#held.takeFirst(MAX_INITIAL_PAYLOAD) ?? new Uint8Array(0)
  }

  /** Decrypts what came next on the stream below, where it lies. */
  decrypt(chunk: Uint8Array): void {
    if (this.#encryptedLeft === 0) return
    const part = chunk.length > this.#encryptedLeft ? chunk.subarray(0, this.#encryptedLeft) : chunk
    this.#agreement?.decrypt.apply(part)
    this.#encryptedLeft -= part.length
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (this.#closed) {
      onTaken?.()
      return false
    }
    if (this.#agreement === undefined) {
      this.#held.push(chunk, onTaken)
      return true
    }
    const { encrypt } = this.#agreement
    if (encrypt === undefined) return this.#below.write(chunk, onTaken)
    this.#memory ??= new SendMemory()
    const copy = this.#memory.copy(chunk)
    onTaken?.()
    return this.#below.write(encrypt.apply(copy.bytes), copy.onSent)
  }

  pause(): void {
    this.#below.pause()
  }

  resume(): void {
    this.#below.resume()
  }

  destroy(): void {
    this.#closed = true
    this.#held.release()
    this.#below.destroy()
  }
}
