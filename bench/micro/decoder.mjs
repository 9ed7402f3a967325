import { join } from "node:path"
import { milliseconds } from "./clock.mjs"

const BLOCK = 16_384
const TOTAL = 64 * 2 ** 20
/** A packet's payload, a page cache's favourite, and what a fast socket gives at once. */
const CHUNKS = [1448, 65_536, 262_144]
const HAVES = 1_000_000

/** The peer protocol's decoder: streams of blocks and of HAVE messages, cut into chunks of several sizes. */
export async function decoder(dist) {
  const { WireDecoder } = await import(join(dist, "wire/decoder.js"))
  const blocks = blockStream()
  const haves = haveStream()
  const rows = []
  for (const chunk of CHUNKS) {
    const ms = milliseconds(() => push(new WireDecoder(new Sink(), 65_536), blocks, chunk))
    rows.push({ what: `blocks of 16 KiB in chunks of ${chunk} bytes`, value: blocks.length / 1e3 / ms, unit: "MB/s" })
  }
  for (const chunk of CHUNKS) {
    const ms = milliseconds(() => push(new WireDecoder(new Sink(), HAVES), haves, chunk))
    rows.push({ what: `HAVE in chunks of ${chunk} bytes`, value: HAVES / 1e3 / ms, unit: "million/s" })
  }
  return rows
}

/** Takes every block into one place, and counts the rest. */
class Sink {
  writer = { destination: null }
  haves = 0
  #place = new Uint8Array(BLOCK)

  beginBlock() {
    this.writer.destination = this.#place
  }

  endBlock() {
    this.writer.destination = null
  }

  onHave() {
    this.haves++
  }
}

function push(decoder, stream, chunk) {
  for (let at = 0; at < stream.length; at += chunk) decoder.push(stream.subarray(at, at + chunk))
}

function blockStream() {
  const message = Buffer.alloc(13 + BLOCK)
  message.writeUInt32BE(9 + BLOCK, 0)
  message[4] = 7
  return new Uint8Array(Buffer.concat(new Array(TOTAL / BLOCK).fill(message)))
}

function haveStream() {
  const stream = Buffer.alloc(9 * HAVES)
  for (let i = 0; i < HAVES; i++) {
    stream.writeUInt32BE(5, 9 * i)
    stream[9 * i + 4] = 4
    stream.writeUInt32BE(i, 9 * i + 5)
  }
  return new Uint8Array(stream)
}
