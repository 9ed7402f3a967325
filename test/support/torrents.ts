import { createHash } from "node:crypto"
import { type BencodeInput, encode } from "../../src/metainfo/bencode.js"
import { rootOf } from "../../src/metainfo/merkle.js"
import type { Hasher } from "../../src/ports/hasher.js"

export function sha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(data).digest())
}

/** The small half of a hasher, on the main thread. */
export const digester: Pick<Hasher, "digest"> = {
  digest: (algorithm, data) =>
    algorithm === "merkle" ? rootOf(data, sha256) : new Uint8Array(createHash(algorithm).update(data).digest()),
}

/** A `pieces` value of the right length for `length` bytes, of no data in particular. */
export function anyPieces(length: number, pieceLength: number): Uint8Array {
  return Uint8Array.from({ length: Math.ceil(length / pieceLength) * 20 }, (_, i) => i * 7)
}

/** The `info` of a folder with two files; `changes` replaces members, undefined removes them. */
export function folderInfo(
  changes: Record<string, BencodeInput | undefined> = {},
): Record<string, BencodeInput | undefined> {
  return {
    name: "dataset",
    "piece length": 32768,
    files: [
      { length: 50_000, path: ["images", "a.jpg"] },
      { length: 20, path: ["README"] },
    ],
    pieces: anyPieces(50_020, 32768),
    ...changes,
  }
}

/** A .torrent around an `info`. */
export function torrentOf(
  info: BencodeInput,
  outer: Record<string, BencodeInput | undefined> = { announce: "http://tracker.example/announce" },
): Uint8Array {
  return encode({ ...outer, info })
}
