import { toHex } from "../bytes/hex.js"
import { STATE_FOLDER } from "../metainfo/safe-element.js"

/** Where the state of one dataset lies: its .torrent, journal, inventory, lock and edges. */
export function stateDirectory(datastore: string, infoHash: Uint8Array): string {
  return `${datastore}/${STATE_FOLDER}/${toHex(infoHash)}`
}
