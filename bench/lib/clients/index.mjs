import { aria2 } from "./aria2.mjs"
import { libtorrent } from "./libtorrent.mjs"
import { limit } from "./limit.mjs"
import { mktorrent } from "./mktorrent.mjs"
import { ours } from "./ours.mjs"
import { qbittorrent } from "./qbittorrent.mjs"
import { rtorrent } from "./rtorrent.mjs"
import { transmission } from "./transmission.mjs"
import { webtorrent } from "./webtorrent.mjs"

/**
 * A client: what it can do are the methods it has, and each says how to run it.
 *
 * @typedef {object} Client
 * @property {string} name
 * @property {() => string | undefined} missing what to install, if it is not there
 * @property {() => string} version
 * @property {boolean} [webSeeds] `get` takes web seeds too
 * @property {boolean} [needsPrivateNetwork] has no use for 127.0.0.0/8
 * @property {(task: GetTask) => Launch} [get]
 * @property {(task: {torrent: string, dir: string, scratch: string}) => Launch} [verify] `dir` holds the data
 * @property {(task: {path: string, output: string, pieceLength: number}) => Launch} [create]
 * @property {(task: {torrent: string, dir: string, name: string, host: string, port: number, scratch: string}) =>
 *   {command: string[], env?: object, ready: RegExp}} [seed]
 *
 * @typedef {import("../measure.mjs").Launch} Launch
 *
 * @typedef {object} GetTask
 * @property {string} torrent names web seeds and, in a swarm, the tracker
 * @property {string} tracked the same for clients that can't be told their peers: names a tracker that knows them
 * @property {{host: string, port: number}[]} peers
 * @property {string} [url] of the bytes on a web server
 * @property {string} out the folder in which the data is to appear
 * @property {string} scratch an empty folder for whatever it needs
 * @property {string} host to listen on
 * @property {number} port
 * @property {boolean} stay goes on giving when it is complete
 * @property {import("../data.mjs").Data} data
 */

/**
 * All clients in the order of the report.
 *
 * @param {{name?: string, dir: string}[]} builds of ours
 * @returns {Client[]}
 */
export function allClients(builds) {
  return [...builds.map(ours), libtorrent, aria2, rtorrent, transmission, qbittorrent, webtorrent, mktorrent, limit]
}
