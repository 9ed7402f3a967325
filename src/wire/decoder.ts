import { copyBytes } from "../bytes/copy.js"
import { ProtocolError } from "../errors.js"
import { isLengthAllowed, longestMessage, MessageId, PIECE_HEADER_LENGTH } from "./message.js"
import type { WireSink } from "./sink.js"

/** The most that must be together before a message's fixed part can be read: length, id, three numbers. */
const LONGEST_HEADER = 17

/** A body that comes in parts gets memory as it comes, at first this much: a length alone reserves nothing. */
const FIRST_BODY_LENGTH = 4096

/** What the bytes behind a header are: block, a body to gather whole, or something to skip. */
type Rest = "block" | "bitfield" | "extended" | "hashes" | "skip"

/**
 * Takes a connection's bytes apart (BEP 3, 6, 10, 52), wherever they are cut, and calls a sink with numbers. Headers are read
 * where they lie, blocks go straight to where the sink wants them: one copy, no object a message.
 *
 * Kept between chunks: at most 17 bytes of a header, or the body of one bitfield or extended message, whose length was
 * checked before.
 */
export class WireDecoder {
  readonly #sink: WireSink
  readonly #bitfieldLength: number | undefined
  readonly #longest: number
  #stopped = false

  /** The start of a message whose header is not whole yet. */
  readonly #header = new Uint8Array(LONGEST_HEADER)
  #headerLength = 0

  #rest: Rest = "skip"
  /** Bytes of the rest that are still to come. */
  #missing = 0
  #body = new Uint8Array(0)
  #bodyLength = 0
  /** Of a body to come: the extension's, or which of the messages with hashes it is. */
  #id = 0
  #piece = 0
  #begin = 0
  #blockLength = 0

  /** `pieceCount` is the torrent's: it says how long a bitfield is; undefined while the metadata is not there. */
  constructor(sink: WireSink, pieceCount: number | undefined) {
    this.#sink = sink
    this.#bitfieldLength = pieceCount === undefined ? undefined : Math.ceil(pieceCount / 8)
    this.#longest = longestMessage(this.#bitfieldLength)
  }

  /** True between the header of a block and its last byte. */
  get insideBlock(): boolean {
    return this.#missing > 0 && this.#rest === "block"
  }

  /** True when no part of a message has come without the rest. */
  get betweenMessages(): boolean {
    return this.#headerLength === 0 && this.#missing === 0
  }

  /** Bytes of memory that hold the unfinished message. */
  get buffered(): number {
    return this.#headerLength + this.#body.length
  }

  /** Nothing is decoded from here on, the rest of the present chunk included. */
  stop(): void {
    this.#stopped = true
    this.#body = new Uint8Array(0)
  }

  /**
   * Decodes the next bytes; `chunk` is not kept.
   *
   * @throws ProtocolError for a length that no message has; also what the sink throws. Nothing may be pushed after it.
   */
  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && !this.#stopped) {
      if (this.#missing > 0) at += this.#takeRest(chunk, at)
      else if (this.#headerLength === 0) {
        const taken = this.#takeHeader(chunk, at, chunk.length)
        if (taken === 0) {
          this.#header.set(chunk.subarray(at))
          this.#headerLength = chunk.length - at
          return
        }
        at += taken
      } else {
        // The start of the message waits in #header: put behind it what may belong to it, and read it there.
        const before = this.#headerLength
        const added = Math.min(LONGEST_HEADER - before, chunk.length - at)
        this.#header.set(chunk.subarray(at, at + added), before)
        // It had too few bytes before, so if it is whole now it ends within the new ones.
        this.#headerLength = 0
        const taken = this.#takeHeader(this.#header, 0, before + added)
        if (taken === 0) {
          this.#headerLength = before + added
          return
        }
        at += taken - before
      }
    }
  }

  /** Reads the message at `at`, up to its body if it has one; the bytes used, or 0 when they do not suffice. */
  #takeHeader(bytes: Uint8Array, at: number, end: number): number {
    const available = end - at
    if (available < 4) return 0
    const length = uint32(bytes, at)
    if (length === 0) return 4
    if (length > this.#longest) throw new ProtocolError(`a message of ${length} bytes`)
    if (available < 5) return 0
    const id = bytes[at + 4]!
    if (!isLengthAllowed(id, length, this.#bitfieldLength)) {
      throw new ProtocolError(`a message of ${length} bytes where its id, ${id}, has another length`)
    }
    switch (id) {
      case MessageId.piece: {
        if (available < 4 + PIECE_HEADER_LENGTH) return 0
        this.#startBlock(uint32(bytes, at + 5), uint32(bytes, at + 9), length - PIECE_HEADER_LENGTH)
        return 4 + PIECE_HEADER_LENGTH
      }
      case MessageId.extended:
        if (available < 6) return 0
        this.#id = bytes[at + 5]!
        this.#startBody("extended", length - 2)
        return 6
      case MessageId.bitfield:
        this.#startBody("bitfield", length - 1)
        return 5
      case MessageId.hashRequest:
      case MessageId.hashes:
      case MessageId.hashReject:
        this.#id = id
        this.#startBody("hashes", length - 1)
        return 5
      default:
        if (length > 13) {
          this.#rest = "skip"
          this.#missing = length - 1
          return 5
        }
        if (available < 4 + length) return 0
        this.#dispatch(id, bytes, at + 5)
        return 4 + length
    }
  }

  #dispatch(id: number, bytes: Uint8Array, at: number): void {
    const sink = this.#sink
    switch (id) {
      case MessageId.choke:
        sink.onChoke()
        break
      case MessageId.unchoke:
        sink.onUnchoke()
        break
      case MessageId.interested:
        sink.onInterested()
        break
      case MessageId.notInterested:
        sink.onNotInterested()
        break
      case MessageId.have:
        sink.onHave(uint32(bytes, at))
        break
      case MessageId.request:
        sink.onRequest(uint32(bytes, at), uint32(bytes, at + 4), uint32(bytes, at + 8))
        break
      case MessageId.cancel:
        sink.onCancel(uint32(bytes, at), uint32(bytes, at + 4), uint32(bytes, at + 8))
        break
      case MessageId.port:
        sink.onPort((bytes[at]! << 8) | bytes[at + 1]!)
        break
      case MessageId.suggestPiece:
        sink.onSuggestPiece(uint32(bytes, at))
        break
      case MessageId.haveAll:
        sink.onHaveAll()
        break
      case MessageId.haveNone:
        sink.onHaveNone()
        break
      case MessageId.rejectRequest:
        sink.onRejectRequest(uint32(bytes, at), uint32(bytes, at + 4), uint32(bytes, at + 8))
        break
      case MessageId.allowedFast:
        sink.onAllowedFast(uint32(bytes, at))
        break
    }
  }

  #startBlock(piece: number, begin: number, length: number): void {
    this.#piece = piece
    this.#begin = begin
    this.#blockLength = length
    this.#rest = "block"
    this.#missing = length
    this.#sink.beginBlock(piece, begin, length)
    if (length === 0) this.#sink.endBlock(piece, begin, length)
  }

  #startBody(rest: "bitfield" | "extended" | "hashes", length: number): void {
    this.#rest = rest
    this.#missing = length
    this.#bodyLength = 0
    if (length === 0) this.#endBody(this.#body.subarray(0, 0))
  }

  /** Takes what `chunk` has of the rest of a message; the bytes used. */
  #takeRest(chunk: Uint8Array, at: number): number {
    const count = Math.min(this.#missing, chunk.length - at)
    switch (this.#rest) {
      case "block": {
        const destination = this.#sink.writer.destination
        if (destination !== null) copyBytes(destination, this.#blockLength - this.#missing, chunk, at, at + count)
        this.#missing -= count
        if (this.#missing === 0) this.#sink.endBlock(this.#piece, this.#begin, this.#blockLength)
        break
      }
      case "skip":
        this.#missing -= count
        break
      case "bitfield":
      case "extended":
      case "hashes": {
        const part = chunk.subarray(at, at + count)
        this.#missing -= count
        if (this.#bodyLength === 0 && this.#missing === 0) this.#endBody(part)
        else this.#gather(part)
        break
      }
    }
    return count
  }

  #gather(part: Uint8Array): void {
    const length = this.#bodyLength + part.length
    if (length > this.#body.length) {
      const whole = length + this.#missing
      const body = new Uint8Array(Math.min(whole, Math.max(FIRST_BODY_LENGTH, 2 * length)))
      body.set(this.#body.subarray(0, this.#bodyLength))
      this.#body = body
    }
    this.#body.set(part, this.#bodyLength)
    this.#bodyLength = length
    if (this.#missing > 0) return
    const body = this.#body.subarray(0, length)
    // Such messages are rare: their memory is not worth keeping.
    this.#body = new Uint8Array(0)
    this.#bodyLength = 0
    this.#endBody(body)
  }

  #endBody(body: Uint8Array): void {
    if (this.#rest === "bitfield") this.#sink.onBitfield(body)
    else if (this.#rest === "hashes") this.#sink.onHashMessage(this.#id, body)
    else this.#sink.onExtended(this.#id, body)
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
