import { createHash } from "node:crypto"
import { encode } from "../../../testbed/bencode.js"
import { readTorrent, type Torrent } from "../../../testbed/torrent.js"

/** The bytes of {@link smallTorrent}. */
export const SMALL = Buffer.alloc(40_000, "forty thousand bytes; ")

/** A single file in two pieces of 32 KiB, the second one short. */
export function smallTorrent(name = "small.bin"): Torrent {
  const pieces = [SMALL.subarray(0, 32_768), SMALL.subarray(32_768)].map((piece) =>
    createHash("sha1").update(piece).digest(),
  )
  return readTorrent(
    encode({ info: { length: SMALL.length, name, "piece length": 32_768, pieces: Buffer.concat(pieces) } }),
  )
}
