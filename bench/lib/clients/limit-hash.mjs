// The least that hashing a file takes, on two threads: node limit-hash.mjs FILE PIECE_LENGTH LENGTH
import { createHash } from "node:crypto"
import { openSync, readSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { isMainThread, Worker, workerData } from "node:worker_threads"

const [path, pieceLength, length] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const THREADS = 2

if (isMainThread) {
  const pieces = Math.ceil(length / pieceLength)
  for (let i = 0; i < THREADS; i++) {
    const range = [i, i + 1].map((n) => Math.floor((pieces * n) / THREADS) * pieceLength)
    new Worker(fileURLToPath(import.meta.url), { argv: process.argv.slice(2), workerData: range })
  }
} else {
  const [from, to] = workerData
  const file = openSync(path, "r")
  const piece = Buffer.alloc(pieceLength)
  for (let at = from; at < Math.min(to, length); at += pieceLength) {
    const count = readSync(file, piece, 0, pieceLength, at)
    createHash("sha1").update(piece.subarray(0, count)).digest()
  }
}
