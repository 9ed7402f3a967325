// Runs in a worker thread: answers each batch of pieces with their digests, one after the other, in the same order.
// The pieces lie in shared memory, or in files.
import { parentPort } from "node:worker_threads"
import { digestOf } from "./digest-of.js"
import { hashFileParts } from "./hash-file-parts.js"
import { DIGEST_LENGTH, type Digests, type FilesAnswer, type StoreAnswer, type ToWorker } from "./hash-messages.js"
import { storePieces } from "./store-pieces.js"

/** The shared memory pieces lie in, by the numbers the main thread gave it. */
const memories = new Map<number, SharedArrayBuffer>()

parentPort?.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "memory":
      memories.set(message.id, message.memory)
      break
    case "forget":
      memories.delete(message.id)
      break
    case "hash": {
      const { algorithm, pieces } = message
      const size = DIGEST_LENGTH[algorithm]
      const digests = new Uint8Array((pieces.length / 3) * size)
      for (let at = 0, to = 0; at < pieces.length; at += 3, to += size) {
        const data = new Uint8Array(memories.get(pieces[at]!)!, pieces[at + 1]!, pieces[at + 2]!)
        digests.set(digestOf(algorithm, data), to)
      }
      const answer: Digests = digests
      parentPort?.postMessage(answer)
      break
    }
    case "store": {
      const answer: StoreAnswer = storePieces(message, memories)
      parentPort?.postMessage(answer)
      break
    }
    case "files": {
      const answer: FilesAnswer = hashFileParts(message)
      parentPort?.postMessage(answer)
      break
    }
  }
})
