import { join } from "node:path"
import { checkCopy } from "../data.mjs"
import { startMeasured } from "../measure.mjs"
import { freePort, openNetwork, privateNetworkMissing, shell } from "../network.mjs"
import { seederMissing, startSeeder } from "../servers/seeder.mjs"
import { opentrackerMissing, startOpentracker } from "../servers/tracker.mjs"
import { writeTorrent } from "../torrent.mjs"

/** The seeder's and the tracker's address; downloaders have the numbers from 1 on. */
const HUB = "10.79.0.254"

/** Several downloaders of one kind and a seeder with a limited rate, who find each other by a tracker. */
export const swarm = {
  missing: () => privateNetworkMissing() ?? seederMissing() ?? opentrackerMissing(),

  cannot: (client) => (client.get && client.name !== "qbittorrent" ? undefined : "no driver for a swarm"),

  async open(stage, job, data, { timeout }) {
    const networks = await openHub(stage, job.downloaders)
    return {
      async run(client, room) {
        const { infoHash } = writeTorrent(room.path("untracked.torrent"), data, {})
        const tracker = await startOpentracker(room, { host: HUB, infoHash })
        const torrent = writeTorrent(room.path("data.torrent"), data, { tracker: tracker.url }).path
        const seeder = await startSeeder(room, data, { torrent, host: HUB, uploadLimit: job.uploadLimit })
        const outs = networks.map(() => room.directory("out"))
        const tasks = await Promise.all(outs.map((out, n) => task(room, { torrent, out, n })))
        const began = performance.now()
        const running = await Promise.all(
          tasks.map((each, n) =>
            startMeasured(room, client.get(each), timeout, { hold: true, through: networks[n].enter }),
          ),
        )
        await Promise.all(running.map((each) => each.complete()))
        const seconds = (performance.now() - began) / 1000
        const copies = (await seeder.uploaded()) / data.length
        const samples = await Promise.all(running.map((each) => each.result()))
        for (const out of outs) checkCopy(data, join(out, data.name))
        const most = (key) => Math.max(...samples.map((sample) => sample[key]))
        const cpu = samples.reduce((sum, sample) => sum + sample.cpu, 0)
        return { seconds, cpu, rss: most("rss"), anon: most("anon"), copies }
      },
    }
  },
}

async function task(room, { torrent, out, n }) {
  const scratch = room.directory("scratch")
  return { torrent, tracked: torrent, peers: [], out, scratch, host: hostOf(n), port: await freePort(), stay: true }
}

/** Networks with an address each, and cables to a bridge here. */
async function openHub(stage, count) {
  shell(`ip link add hub type bridge; ip addr add ${HUB}/24 dev hub; ip link set hub up`)
  const networks = []
  for (let n = 0; n < count; n++) {
    const network = await openNetwork(stage)
    shell(`ip link add cable${n} type veth peer name cable netns ${network.pid}`)
    shell(`ip link set cable${n} master hub up`)
    shell(`ip addr add ${hostOf(n)}/24 dev cable; ip link set cable up`, network.enter)
    networks.push(network)
  }
  return networks
}

function hostOf(n) {
  return `10.79.0.${n + 1}`
}
