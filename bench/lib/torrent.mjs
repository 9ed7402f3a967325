import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"

/**
 * Writes a .torrent (BEP 3) without the help of any client.
 *
 * @param {string} path
 * @param {import("./data.mjs").Data} data
 * @param {{tracker?: string, webSeeds?: string[]}} [sources]
 * @returns {{path: string, infoHash: string}}
 */
export function writeTorrent(path, data, { tracker, webSeeds = [] } = {}) {
  const info = bencode({
    ...(data.folder
      ? { files: data.files.map((file) => ({ length: file.length, path: file.path.split("/") })) }
      : { length: data.length }),
    name: data.name,
    "piece length": data.pieceLength,
    pieces: data.pieces,
  })
  const fields = [
    ...(tracker === undefined ? [] : ["8:announce", bencode(tracker)]),
    ...["4:info", info],
    ...(webSeeds.length === 0 ? [] : ["8:url-list", bencode(webSeeds)]),
  ]
  writeFileSync(path, Buffer.concat(["d", ...fields, "e"].map((part) => Buffer.from(part))))
  return { path, infoHash: createHash("sha1").update(info).digest("hex") }
}

function bencode(value) {
  if (typeof value === "number") return Buffer.from(`i${value}e`)
  if (typeof value === "string") return bencode(Buffer.from(value))
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value])
  if (Array.isArray(value)) return wrap("l", value.map(bencode))
  // ASCII keys: the language's order of strings is the order of bytes.
  const keys = Object.keys(value).sort()
  return wrap(
    "d",
    keys.flatMap((key) => [bencode(key), bencode(value[key])]),
  )
}

function wrap(kind, parts) {
  return Buffer.concat([Buffer.from(kind), ...parts, Buffer.from("e")])
}
