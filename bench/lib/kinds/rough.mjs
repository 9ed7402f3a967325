import { join } from "node:path"
import { checkCopy } from "../data.mjs"
import { measure } from "../measure.mjs"
import { address, freePort, linkMissing } from "../network.mjs"
import { openLink } from "../servers/link.mjs"
import { nginxMissing, startNginx } from "../servers/nginx.mjs"
import { seederMissing, startSeeder } from "../servers/seeder.mjs"
import { startPeerTracker } from "../servers/tracker.mjs"
import { writeTorrent } from "../torrent.mjs"
import { get } from "./get.mjs"

/** Where clients listen, beside the servers' addresses. */
const CLIENT = 30

/**
 * @typedef {object} Source a seeder, or nginx with `web`
 * @property {boolean} [web]
 * @property {number} [uploadLimit] bytes a second, kept by the seeder itself
 * @property {{rate: number, delay: number, loss?: number}} [link] of its own: bits a second, seconds one way, 0 to 1
 * @property {[number, number][]} [later] seconds after the start, and the link's rate from then on; 0: nothing passes
 */

/** A download into an empty folder from sources that each have their own faults. */
export const rough = {
  missing: () => linkMissing() ?? seederMissing() ?? nginxMissing(),

  cannot: (client, job) => (client.isLimit ? "no such limit" : get.cannot(client, { ...job, web: hasWeb(job) })),

  async open(stage, job, data, { timeout }) {
    const plain = writeTorrent(stage.path("seed.torrent"), data, {}).path
    const peers = []
    const webSeeds = []
    const changing = []
    for (const [n, { web, link, later, uploadLimit }] of job.sources.entries()) {
      const opened = link === undefined ? undefined : await openLink(stage, link, n)
      const place = { host: opened?.far ?? address(n + 1), through: opened?.through }
      if (web) webSeeds.push((await startNginx(stage, data, place)).webSeed)
      else peers.push(await startSeeder(stage, data, { ...place, torrent: plain, uploadLimit }))
      if (later !== undefined) changing.push({ setRate: opened.setRate, first: link.rate, later })
    }
    const host = address(CLIENT)
    const tracker = await startPeerTracker(stage, { host, peers })
    const torrent = writeTorrent(stage.path("data.torrent"), data, { webSeeds }).path
    const tracked = writeTorrent(stage.path("tracked.torrent"), data, { webSeeds, tracker }).path
    return {
      async run(client, room) {
        const [out, scratch] = [room.directory("out"), room.directory("scratch")]
        const task = { torrent, tracked, peers, out, scratch, host, port: await freePort(), data }
        const timers = changing.flatMap(({ setRate, first, later }) => {
          setRate(first)
          return later.map(([seconds, rate]) => setTimeout(() => setRate(rate), 1000 * seconds))
        })
        try {
          const sample = await measure(room, client.get(task), timeout)
          checkCopy(data, join(out, data.name))
          return sample
        } finally {
          for (const timer of timers) clearTimeout(timer)
        }
      },
    }
  },
}

/** Seconds in which the sources could give so many bytes at most. @param {Source[]} sources */
export function idealSeconds(bytes, sources) {
  const changes = [...new Set(sources.flatMap(({ later = [] }) => later.map(([at]) => at))), Number.POSITIVE_INFINITY]
  let left = bytes
  let from = 0
  for (const until of changes.sort((a, b) => a - b)) {
    const rate = sources.reduce((sum, source) => sum + bytesPerSecond(source, from), 0)
    if (left <= rate * (until - from)) break
    left -= rate * (until - from)
    from = until
  }
  return from + left / sources.reduce((sum, source) => sum + bytesPerSecond(source, from), 0)
}

function bytesPerSecond({ uploadLimit, link, later = [] }, at) {
  if (link === undefined) return uploadLimit
  const last = later.filter(([since]) => since <= at).at(-1)
  return (last === undefined ? link.rate : last[1]) / 8
}

const hasWeb = (job) => job.sources.some(({ web }) => web)
