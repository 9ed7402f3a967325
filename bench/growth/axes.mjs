import { files } from "./files.mjs"
import { peers } from "./peers.mjs"
import { pieces } from "./pieces.mjs"
import { torrents } from "./torrents.mjs"

/**
 * What a torrent may have many of, and what it costs: `measure` returns figures by name and unit, most of them for one.
 *
 * @type {Record<string, {counts: number[], measure: (where: {dist: string, dir: string, count: number}) =>
 *   Promise<Record<string, number>>}>}
 */
export const AXES = {
  pieces: { counts: [1e3, 1e4, 1e5, 1e6], measure: pieces },
  files: { counts: [1, 1e2, 1e4, 1e5], measure: files },
  peers: { counts: [1, 10, 100, 500], measure: peers },
  torrents: { counts: [1, 10, 100, 1000], measure: torrents },
}
