import { toHex } from "../../../src/bytes/hex.js"
import { WireEncoder } from "../../../src/wire/encoder.js"
import type { WireSink } from "../../../src/wire/sink.js"

/** A message as tests write it down: its name and what is in it. */
export type Call = readonly [name: string, ...values: (number | string)[]]

/** A sink that writes down what it is told, blocks as their bytes. */
export class RecordingSink implements WireSink {
  readonly calls: Call[] = []
  readonly writer: { destination: Uint8Array | null } = { destination: null }

  onChoke(): void {
    this.calls.push(["choke"])
  }
  onUnchoke(): void {
    this.calls.push(["unchoke"])
  }
  onInterested(): void {
    this.calls.push(["interested"])
  }
  onNotInterested(): void {
    this.calls.push(["notInterested"])
  }
  onHave(piece: number): void {
    this.calls.push(["have", piece])
  }
  onBitfield(bytes: Uint8Array): void {
    this.calls.push(["bitfield", toHex(bytes)])
  }
  onRequest(piece: number, begin: number, length: number): void {
    this.calls.push(["request", piece, begin, length])
  }
  onCancel(piece: number, begin: number, length: number): void {
    this.calls.push(["cancel", piece, begin, length])
  }
  onPort(port: number): void {
    this.calls.push(["port", port])
  }
  onSuggestPiece(piece: number): void {
    this.calls.push(["suggest", piece])
  }
  onHaveAll(): void {
    this.calls.push(["haveAll"])
  }
  onHaveNone(): void {
    this.calls.push(["haveNone"])
  }
  onRejectRequest(piece: number, begin: number, length: number): void {
    this.calls.push(["reject", piece, begin, length])
  }
  onAllowedFast(piece: number): void {
    this.calls.push(["allowedFast", piece])
  }
  onExtended(id: number, payload: Uint8Array): void {
    this.calls.push(["extended", id, toHex(payload)])
  }
  onHashMessage(id: number, payload: Uint8Array): void {
    this.calls.push(["hashes", id, toHex(payload)])
  }
  beginBlock(_piece: number, _begin: number, length: number): void {
    this.writer.destination = new Uint8Array(length)
  }
  endBlock(piece: number, begin: number, _length: number): void {
    this.calls.push(["piece", piece, begin, toHex(this.writer.destination!)])
    this.writer.destination = null
  }
}

/** Collects what an encoder hands out, in order. */
export class Output {
  readonly encoder = new WireEncoder()
  readonly #chunks: Uint8Array[] = []

  block(piece: number, begin: number, data: Uint8Array): void {
    this.encoder.pieceHeader(piece, begin, data.length)
    this.take()
    this.#chunks.push(data)
  }

  take(): void {
    const bytes = this.encoder.takeBytes()
    if (bytes !== undefined) this.#chunks.push(bytes)
  }

  clear(): void {
    this.#chunks.length = 0
  }

  bytes(): Uint8Array {
    this.take()
    return new Uint8Array(Buffer.concat(this.#chunks))
  }
}
