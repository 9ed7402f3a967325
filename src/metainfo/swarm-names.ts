import type { Metainfo } from "./metainfo.js"

/** Bytes by which peers, trackers and the DHT know a torrent. */
const SWARM_NAME_LENGTH = 20

/** A v2 infohash as peers, trackers and the DHT know it: its first 20 bytes (BEP 52). */
export function truncated(infoHashV2: Uint8Array): Uint8Array {
  return infoHashV2.subarray(0, SWARM_NAME_LENGTH)
}

/** A hybrid has two swarms: the name of its v2 one. Undefined for a torrent that is v1 or v2 alone. */
export function secondSwarmOf({ version, infoHashV2 }: Metainfo): Uint8Array | undefined {
  return version === "hybrid" && infoHashV2 !== null ? truncated(infoHashV2) : undefined
}
