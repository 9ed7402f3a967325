import { join } from "node:path"
import { fileURLToPath } from "node:url"

const RECEIVE = fileURLToPath(new URL("./limit-receive.mjs", import.meta.url))
const PEER = fileURLToPath(new URL("./limit-peer.mjs", import.meta.url))
const HASH = fileURLToPath(new URL("./limit-hash.mjs", import.meta.url))

/** No client: what this machine can do at most in a bare program for Node. */
export const limit = {
  name: "limit",
  isLimit: true,
  missing: () => undefined,
  version: () => process.version.slice(1),
  /** Receives from a web server, whatever the job has as sources, hashes in a second thread, and writes. */
  receive: ({ url, out, data }) => ({
    command: [process.execPath, RECEIVE, url, join(out, data.name), String(data.pieceLength), String(data.length)],
  }),
  /** Receives from one peer, hashes and writes in a second thread. */
  peer: ({ peers: [{ host, port }], infoHash, out, data: { name, pieceLength, length } }) => ({
    command: [
      process.execPath,
      PEER,
      host,
      String(port),
      infoHash,
      join(out, name),
      String(pieceLength),
      String(length),
    ],
  }),
  /** Hashes pieces of a file on two threads. */
  hash: ({ path, data }) => ({
    command: [process.execPath, HASH, path, String(data.pieceLength), String(data.length)],
  }),
  /** Starts and ends. */
  start: () => ({ command: [process.execPath, "-e", "0"] }),
}
