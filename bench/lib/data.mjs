import { createCipheriv, createHash, randomBytes } from "node:crypto"
import { closeSync, mkdirSync, openSync, readSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"

const MiB = 2 ** 20
const CHUNK = 4 * MiB

/**
 * @typedef {object} Data what a job is about, as files and as a torrent sees it
 * @property {string} parent the folder that holds `name`, the file or folder
 * @property {string} name
 * @property {boolean} folder
 * @property {{path: string, length: number}[]} files below `parent/name`; for a single file, one with an empty path
 * @property {number} length
 * @property {number} pieceLength
 * @property {Buffer} pieces SHA-1 of each piece, one after another
 */

/**
 * Writes bytes that do not compress: one file, or `files` of 1 to 32 KiB in folders of a hundred.
 *
 * @param {string} parent
 * @param {{bytes?: number, files?: number, pieceLength: number}} size
 * @returns {Data}
 */
export function makeData(parent, { bytes, files: count, pieceLength }) {
  const name = "data"
  const folder = count !== undefined
  const files = folder ? smallFiles(count) : [{ path: "", length: bytes }]
  const cipher = createCipheriv("aes-128-ctr", randomBytes(16), randomBytes(16))
  for (const { path, length } of files) {
    const target = join(parent, name, path)
    mkdirSync(dirname(target), { recursive: true })
    const file = openSync(target, "w")
    for (let left = length; left > 0; left -= CHUNK) writeSync(file, cipher.update(Buffer.alloc(Math.min(left, CHUNK))))
    closeSync(file)
  }
  const length = files.reduce((sum, file) => sum + file.length, 0)
  const data = { parent, name, folder, files, length, pieceLength }
  return { ...data, pieces: hashPieces(data, join(parent, name)) }
}

/** Throws unless the bytes at `path` are the data's. */
export function checkCopy(data, path) {
  const pieces = hashPieces(data, path)
  for (let at = 0; at < pieces.length; at += 20) {
    if (!pieces.subarray(at, at + 20).equals(data.pieces.subarray(at, at + 20))) {
      throw new Error(`wrong bytes: piece ${at / 20} of ${path}`)
    }
  }
}

/** Lengths that look random and are the same every time. */
function smallFiles(count) {
  return Array.from({ length: count }, (_, i) => ({
    path: `${String(Math.floor(i / 100)).padStart(3, "0")}/${String(i).padStart(5, "0")}.bin`,
    length: 1024 + ((i * 7919) % 31_745),
  }))
}

function hashPieces({ files, length, pieceLength }, path) {
  const pieces = Buffer.alloc(Math.ceil(length / pieceLength) * 20)
  const chunk = Buffer.alloc(CHUNK)
  let hash = createHash("sha1")
  let inPiece = 0
  let piece = 0
  const end = () => {
    hash.digest().copy(pieces, 20 * piece++)
    hash = createHash("sha1")
    inPiece = 0
  }
  for (const file of files) {
    const handle = openSync(join(path, file.path), "r")
    let left = file.length
    while (left > 0) {
      const count = readSync(handle, chunk, 0, Math.min(left, CHUNK), null)
      if (count === 0) throw new Error(`${join(path, file.path)} is too short`)
      left -= count
      for (let at = 0; at < count; ) {
        const part = Math.min(pieceLength - inPiece, count - at)
        hash.update(chunk.subarray(at, at + part))
        at += part
        inPiece += part
        if (inPiece === pieceLength) end()
      }
    }
    closeSync(handle)
  }
  if (inPiece > 0) end()
  return pieces
}
