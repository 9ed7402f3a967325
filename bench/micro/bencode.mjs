import { join } from "node:path"
import { milliseconds } from "./clock.mjs"

const FILES = 100_000
const LIMITS = { length: 2 ** 26, depth: 64, tokens: 4_000_000 }

/** Reading and writing the metadata of a dataset with many files: little values. Piece hashes would be one string. */
export async function bencode(dist) {
  const { decode, encode } = await import(join(dist, "metainfo/bencode.js"))
  const files = Array.from({ length: FILES }, (_, i) => ({
    length: 1000 + i,
    path: ["images", String(i % 1000).padStart(4, "0"), `${String(i).padStart(8, "0")}.png`],
  }))
  let bytes
  const encoding = milliseconds(() => {
    bytes = encode({ info: { files, name: "data" } })
  })
  const decoding = milliseconds(() => decode(bytes, LIMITS))
  const rate = (ms) => bytes.length / 1e3 / ms
  return [
    { what: `encode, ${FILES} files`, value: rate(encoding), unit: "MB/s" },
    { what: `decode, ${FILES} files`, value: rate(decoding), unit: "MB/s" },
  ]
}
