import type { ByteStream, Endpoint } from "../ports/net.js"
import type { MseAgreement } from "../wire/mse.js"
import { SendMemory } from "./send-memory.js"

/** The longest IA, whose length has 16 bits. */
const MAX_INITIAL_PAYLOAD = 65_535

/** A write that waits for the agreement. */
interface Pending {
  readonly chunk: Uint8Array
  readonly onTaken: (() => void) | undefined
}

/**
 * A stream with message stream encryption above another. What is sent is copied, since blocks are lent, and encrypted in
 * the copy; where plaintext was agreed on, it is passed on untouched. What is received goes past it, but for
 * {@link decrypt}.
 */
export class EncryptedStream implements ByteStream {
  readonly #below: ByteStream
  #agreement: MseAgreement | undefined
  #encryptedLeft = 0
  #pending: Pending[] = []
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

  get bufferedBytes(): number {
    return this.#pending.reduce((sum, { chunk }) => sum + chunk.length, this.#below.bufferedBytes)
  }

  /** All is encrypted, not the handshake alone. */
  get encryptsAll(): boolean {
    return this.#agreement?.encrypt !== undefined
  }

  /** From here on it is known what happens with the bytes. What was written before is sent. */
  agree(agreement: MseAgreement): void {
    this.#agreement = agreement
    this.#encryptedLeft = agreement.encryptedLeft
    for (const { chunk, onTaken } of this.#pending.splice(0)) this.write(chunk, onTaken)
  }

  /** What was written first, before there was an agreement: it may go out within the handshake. */
  takeInitialPayload(): Uint8Array {
    const [first] = this.#pending
    if (first === undefined || first.chunk.length > MAX_INITIAL_PAYLOAD) return new Uint8Array(0)
    this.#pending.shift()
    const payload = first.chunk.slice()
    first.onTaken?.()
    return payload
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
      this.#pending.push({ chunk, onTaken })
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
    for (const { onTaken } of this.#pending.splice(0)) onTaken?.()
    this.#below.destroy()
  }
}
