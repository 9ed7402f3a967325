// The least that a download from one peer takes: node limit-peer.mjs HOST PORT INFO_HASH OUT PIECE_LENGTH LENGTH
// As much of BitTorrent as a peer that has all needs to give it (BEP 3); one buffer for the socket, one copy into shared
// memory, and a thread that hashes each piece and writes it. Whole blocks and pieces only.
import { createHash } from "node:crypto"
import { openSync, writeSync } from "node:fs"
import { connect } from "node:net"
import { fileURLToPath } from "node:url"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"

const BLOCK = 2 ** 14
const SLOTS = 16
/** Requests under way. */
const WINDOW = 500
/** Bytes written at a time, as ours are. */
const WRITE = 2 ** 19
const [UNCHOKE, INTERESTED, REQUEST, PIECE] = [1, 2, 6, 7]
const HANDSHAKE = 68
/** Length, id, piece, begin. */
const HEADER = 13

function storePieces({ ring, pieceLength, out }) {
  const file = openSync(out, "w")
  parentPort.on("message", ({ slot, piece }) => {
    const bytes = new Uint8Array(ring, slot * pieceLength, pieceLength)
    createHash("sha1").update(bytes).digest()
    for (let at = 0; at < pieceLength; at += WRITE) {
      writeSync(file, bytes, at, Math.min(WRITE, pieceLength - at), piece * pieceLength + at)
    }
    parentPort.postMessage(slot)
  })
}

function fetchPieces([host, port, infoHash, out], pieceLength, total) {
  const ring = new SharedArrayBuffer(SLOTS * pieceLength)
  const memory = Buffer.from(ring)
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { ring, pieceLength, out } })
  const blocksPerPiece = pieceLength / BLOCK
  const blocks = total / BLOCK
  const free = Array.from({ length: SLOTS }, (_, slot) => slot)
  const slotOf = new Int32Array(total / pieceLength).fill(-1)
  const got = new Uint32Array(total / pieceLength)
  let [asked, underWay, stored, unchoked] = [0, 0, 0, false]
  // What is being received.
  const header = Buffer.alloc(HEADER)
  let [greeting, have, piece, to, left, toSkip] = [HANDSHAKE, 0, 0, 0, 0, 0]

  worker.on("message", (slot) => {
    free.push(slot)
    if (++stored === slotOf.length) process.exit(0)
    ask()
  })

  function ask() {
    const requests = []
    while (unchoked && underWay < WINDOW && asked < blocks) {
      const next = Math.floor(asked / blocksPerPiece)
      if (slotOf[next] < 0 && free.length === 0) break
      if (slotOf[next] < 0) slotOf[next] = free.pop()
      const request = Buffer.alloc(17)
      request.writeUInt32BE(13)
      request[4] = REQUEST
      request.writeUInt32BE(next, 5)
      request.writeUInt32BE((asked % blocksPerPiece) * BLOCK, 9)
      request.writeUInt32BE(BLOCK, 13)
      requests.push(request)
      asked++
      underWay++
    }
    if (requests.length > 0) socket.write(Buffer.concat(requests))
  }

  function take(count, buffer) {
    for (let at = 0; at < count; ) {
      if (left > 0) {
        const part = Math.min(left, count - at)
        memory.fill(buffer.subarray(at, at + part), to, to + part)
        ;[at, to, left] = [at + part, to + part, left - part]
        if (left > 0) continue
        underWay--
        if (++got[piece] === blocksPerPiece) worker.postMessage({ slot: slotOf[piece], piece })
      } else if (greeting > 0 || toSkip > 0) {
        const part = Math.min(greeting || toSkip, count - at)
        at += part
        if (greeting === 0) toSkip -= part
        else {
          greeting -= part
          if (greeting === 0) socket.write(Buffer.from([0, 0, 0, 1, INTERESTED]))
        }
      } else {
        header[have++] = buffer[at++]
        if (have < 4) continue
        const length = header.readUInt32BE()
        if (length === 0) have = 0
        else if (have > 4 && header[4] !== PIECE) {
          if (header[4] === UNCHOKE) unchoked = true
          ;[toSkip, have] = [length - 1, 0]
        } else if (have === HEADER) {
          piece = header.readUInt32BE(5)
          ;[to, left, have] = [slotOf[piece] * pieceLength + header.readUInt32BE(9), length - 9, 0]
        }
      }
    }
    ask()
    return true
  }

  const socket = connect({ host, port, noDelay: true, onread: { buffer: Buffer.alloc(2 ** 18), callback: take } })
  const greetings = [
    Buffer.from([19]),
    Buffer.from("BitTorrent protocol"),
    Buffer.alloc(8),
    Buffer.from(infoHash, "hex"),
  ]
  socket.write(Buffer.concat([...greetings, Buffer.from("-XX0000-bare program")]))
}

if (isMainThread) fetchPieces(process.argv.slice(2), Number(process.argv[6]), Number(process.argv[7]))
else storePieces(workerData)
