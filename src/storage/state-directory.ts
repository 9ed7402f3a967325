import { toHex } from "../bytes/hex.js"

/** Below a datastore: what we know about each dataset in it. */
export const STATE_FOLDER = ".academictorrents"

/** Where the state of one dataset lies: its .torrent, journal, lock and edges. */
export function stateDirectory(datastore: string, infoHash: Uint8Array): string {
  return `${datastore}/${STATE_FOLDER}/${toHex(infoHash)}`
}
