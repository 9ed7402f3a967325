import { createHash } from "node:crypto"
import { concatBytes } from "../../../src/bytes/concat.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { encode } from "../../../src/metainfo/bencode.js"
import { safeElement } from "../../../src/metainfo/safe-element.js"
import { decodeInventory, encodeInventory, type Inventory, Stamps } from "../../../src/storage/inventory-format.js"
import { must, sameBytes } from "../lib/expect.js"
import { bencoded, type Target, words } from "../lib/target.js"

const MAGIC = Uint8Array.of(0x41, 0x54, 0x49, 0x01)
const hasher = {
  digest: (algorithm: string, bytes: Uint8Array) => new Uint8Array(createHash(algorithm).update(bytes).digest()),
}
const stamp = { size: 12_345, mtimeNs: 1_700_000_000_000_000_000n, inode: 2n ** 63n }
const sample: Inventory = {
  infoHash: new Uint8Array(20).fill(0xaa),
  name: "dataset",
  dataLength: 24_690,
  pieceCount: 2,
  bootId: "8f3c-boot",
  journal: new Uint8Array(20).fill(0xbb),
  paths: ["one.csv", "deep/two.csv"],
  stamps: Stamps.of([stamp, stamp]),
}

/** What it holds, with the right digest, as somebody could write it who means harm. */
export const inventory: Target = {
  name: "inventory",
  seeds: () => [encodeInventory(sample, hasher).subarray(24), encode({ name: "../..", stamps: "" })],
  ...bencoded(words("name", "paths", "stamps", "journal", "info hash", "boot id", "../..", "a\0b")),
  check(input) {
    const found = decodeInventory(concatBytes(MAGIC, hasher.digest("sha1", input), input), hasher)
    must(decodeInventory(input, hasher) === undefined || sameBytes(input.subarray(0, 4), MAGIC), "it needs no magic")
    if (found === undefined) return
    must(safeElement(encodeUtf8(found.name)) === found.name, "its name leads out of the datastore")
    for (const index of found.paths.keys()) {
      const { size, mtimeNs, inode } = found.stamps.at(index)
      must(size >= 0 && mtimeNs >= 0n && inode >= 0n, "a stamp is no stamp")
    }
  },
}
