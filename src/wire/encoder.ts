import type { HashRequest } from "../metainfo/hash-request.js"
import { HASH_HEADER_LENGTH, writeHashHeader } from "./hash-messages.js"
import { MessageId, PIECE_HEADER_LENGTH } from "./message.js"

/** Bytes of a fresh buffer: room for some 480 requests. */
const BUFFER_LENGTH = 8192

/**
 * Writes messages one behind the other into one buffer, to be sent together. Nothing is allocated for a message: what
 * {@link takeBytes} hands out is a part of the buffer that is not written again, and a new one begins when it is used up.
 */
export class WireEncoder {
  #buffer = new Uint8Array(0)
  /** Where the bytes not yet taken begin and end. */
  #start = 0
  #end = 0

  /** Bytes not yet taken. */
  get length(): number {
    return this.#end - this.#start
  }

  /** All that was written since the last call, the caller's to keep; undefined when there is nothing. */
  takeBytes(): Uint8Array | undefined {
    if (this.#end === this.#start) return undefined
    const bytes = this.#buffer.subarray(this.#start, this.#end)
    this.#start = this.#end
    return bytes
  }

  keepAlive(): void {
    this.#reserve(4)
    this.#number(0)
  }

  choke(): void {
    this.#plain(MessageId.choke)
  }

  unchoke(): void {
    this.#plain(MessageId.unchoke)
  }

  interested(): void {
    this.#plain(MessageId.interested)
  }

  notInterested(): void {
    this.#plain(MessageId.notInterested)
  }

  have(piece: number): void {
    this.#withPiece(MessageId.have, piece)
  }

  /** `bytes` are copied. */
  bitfield(bytes: Uint8Array): void {
    this.#head(MessageId.bitfield, bytes.length)
    this.#bytes(bytes)
  }

  request(piece: number, begin: number, length: number): void {
    this.#withRange(MessageId.request, piece, begin, length)
  }

  /** A piece message up to its block: send the block's `length` bytes right behind what {@link takeBytes} gives next. */
  pieceHeader(piece: number, begin: number, length: number): void {
    this.#reserve(4 + PIECE_HEADER_LENGTH)
    this.#number(PIECE_HEADER_LENGTH + length)
    this.#buffer[this.#end++] = MessageId.piece
    this.#number(piece)
    this.#number(begin)
  }

  cancel(piece: number, begin: number, length: number): void {
    this.#withRange(MessageId.cancel, piece, begin, length)
  }

  /** The UDP port of our DHT node (BEP 5). */
  port(port: number): void {
    this.#head(MessageId.port, 2)
    this.#buffer[this.#end++] = port >>> 8
    this.#buffer[this.#end++] = port
  }

  haveAll(): void {
    this.#plain(MessageId.haveAll)
  }

  haveNone(): void {
    this.#plain(MessageId.haveNone)
  }

  rejectRequest(piece: number, begin: number, length: number): void {
    this.#withRange(MessageId.rejectRequest, piece, begin, length)
  }

  allowedFast(piece: number): void {
    this.#withPiece(MessageId.allowedFast, piece)
  }

  /** `id` is the receiver's number for the extension, 0 for the handshake (BEP 10). `payload` is copied. */
  extended(id: number, payload: Uint8Array): void {
    this.#head(MessageId.extended, 1 + payload.length)
    this.#buffer[this.#end++] = id
    this.#bytes(payload)
  }

  hashRequest(request: HashRequest): void {
    this.#hashHead(MessageId.hashRequest, request, 0)
  }

  hashReject(request: HashRequest): void {
    this.#hashHead(MessageId.hashReject, request, 0)
  }

  /** `hashes` are copied. */
  hashes(request: HashRequest, hashes: Uint8Array): void {
    this.#hashHead(MessageId.hashes, request, hashes.length)
    this.#bytes(hashes)
  }

  #hashHead(id: number, request: HashRequest, more: number): void {
    this.#head(id, HASH_HEADER_LENGTH + more)
    writeHashHeader(this.#buffer, this.#end, request)
    this.#end += HASH_HEADER_LENGTH
  }

  #plain(id: number): void {
    this.#head(id, 0)
  }

  #withPiece(id: number, piece: number): void {
    this.#head(id, 4)
    this.#number(piece)
  }

  #withRange(id: number, piece: number, begin: number, length: number): void {
    this.#head(id, 12)
    this.#number(piece)
    this.#number(begin)
    this.#number(length)
  }

  /** Makes room for a message with so many bytes behind its id, and writes length and id. */
  #head(id: number, length: number): void {
    this.#reserve(5 + length)
    this.#number(1 + length)
    this.#buffer[this.#end++] = id
  }

  #number(value: number): void {
    const buffer = this.#buffer
    const end = this.#end
    buffer[end] = value >>> 24
    buffer[end + 1] = value >>> 16
    buffer[end + 2] = value >>> 8
    buffer[end + 3] = value
    this.#end = end + 4
  }

  #bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#end)
    this.#end += bytes.length
  }

  #reserve(length: number): void {
    if (this.#end + length <= this.#buffer.length) return
    const pending = this.#buffer.subarray(this.#start, this.#end)
    // Twice what is there, so that many messages in one turn are not copied again and again.
    const buffer = new Uint8Array(Math.max(BUFFER_LENGTH, 2 * (pending.length + length)))
    buffer.set(pending)
    this.#buffer = buffer
    this.#start = 0
    this.#end = pending.length
  }
}
