// The least that a download takes: node limit-receive.mjs URL OUT PIECE_LENGTH LENGTH
// One buffer for the socket, one copy into shared memory, SHA-1 of each piece in a worker while the main thread writes.
import { createHash } from "node:crypto"
import { closeSync, openSync, write } from "node:fs"
import { connect } from "node:net"
import { fileURLToPath } from "node:url"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"

const SLOT = 2 ** 20
const SLOTS = 64

function hashSlots({ ring, pieceLength }) {
  parentPort.on("message", ({ slot, length }) => {
    const bytes = new Uint8Array(ring, slot * SLOT, length)
    for (let at = 0; at < length; at += pieceLength) {
      createHash("sha1")
        .update(bytes.subarray(at, at + pieceLength))
        .digest()
    }
    parentPort.postMessage(slot)
  })
}

function receive(url, out, pieceLength, total) {
  const ring = new SharedArrayBuffer(SLOT * SLOTS)
  // A Buffer's `fill` copies to shared memory by `memcpy`, a Uint8Array's `set` does not.
  const bytes = Buffer.from(ring)
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: { ring, pieceLength: Math.min(pieceLength, SLOT) },
  })
  const file = openSync(out, "w")
  const free = Array.from({ length: SLOTS }, (_, slot) => slot)
  const toDo = new Uint8Array(SLOTS)
  let slot = free.pop()
  let filled = 0
  let received = 0
  let done = 0
  let header = true
  let paused = false
  const lengths = new Uint32Array(SLOTS)
  const finished = (which) => {
    if (--toDo[which] > 0) return
    free.push(which)
    done += lengths[which]
    if (done === total) {
      closeSync(file)
      process.exit(0)
    }
    if (paused && free.length > 1) {
      paused = false
      socket.resume()
    }
  }
  worker.on("message", finished)
  const full = () => {
    const which = slot
    lengths[which] = filled
    toDo[which] = 2
    worker.postMessage({ slot: which, length: filled })
    write(file, bytes, which * SLOT, filled, received - filled, (error) => {
      if (error) throw error
      finished(which)
    })
    filled = 0
    slot = free.pop()
  }
  const take = (count, buffer) => {
    let at = 0
    if (header) {
      at = buffer.indexOf("\r\n\r\n") + 4
      header = false
    }
    while (at < count) {
      const part = Math.min(SLOT - filled, count - at)
      const to = slot * SLOT + filled
      bytes.fill(buffer.subarray(at, at + part), to, to + part)
      at += part
      filled += part
      received += part
      if (filled === SLOT || received === total) full()
    }
    // A chunk is smaller than a slot: with two free there is room for the next.
    paused = free.length < 2
    return !paused
  }
  const { hostname, port, pathname, host } = new URL(url)
  const socket = connect({ host: hostname, port, onread: { buffer: Buffer.alloc(2 ** 18), callback: take } })
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
}

if (isMainThread) receive(process.argv[2], process.argv[3], Number(process.argv[4]), Number(process.argv[5]))
else hashSlots(workerData)
