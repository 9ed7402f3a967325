// Runs in a worker thread: writes and names small files in lists, so that nobody else waits for the file system.
import { parentPort } from "node:worker_threads"
import type { FromDiskWorker, ToDiskWorker } from "./disk-messages.js"
import { nameFilesNow, writeFilesNow } from "./small-files.js"

parentPort?.on("message", (message: ToDiskWorker) => {
  const answer: FromDiskWorker = message.type === "write" ? writeFilesNow(message.writes) : nameFilesNow(message.names)
  parentPort?.postMessage(answer)
})
