import { readFileSync } from "node:fs"
import { join } from "node:path"
import { libtorrent } from "../clients/libtorrent.mjs"
import { checkCopy } from "../data.mjs"
import { measure } from "../measure.mjs"
import { address, freePort } from "../network.mjs"
import { writeTorrent } from "../torrent.mjs"

/** Ticks a second of the kernel's account of processes: USER_HZ, the same on every Linux that Node runs on. */
const USER_HZ = 100

/** A libtorrent downloader is timed; CPU seconds and memory are those of the client that seeds to it. */
export const give = {
  missing: libtorrent.missing,

  cannot: (client) => (client.seed ? undefined : "no driver for seeding"),

  async open(stage, _job, data, { timeout }) {
    const torrent = writeTorrent(stage.path("data.torrent"), data, {}).path
    return {
      async run(client, room) {
        const [out, scratch] = [room.directory("out"), room.directory("scratch")]
        const own = { host: address(1), port: await freePort() }
        const launch = client.seed({ torrent, dir: data.parent, name: data.name, scratch, ...own })
        const seeder = await room.start(launch.command, launch)
        const before = cpuSeconds(seeder.pid)
        const task = { torrent, peers: [own], out, scratch, host: address(20), port: await freePort() }
        const { seconds } = await measure(room, libtorrent.get(task), timeout)
        const sample = { seconds, cpu: cpuSeconds(seeder.pid) - before, ...memory(seeder.pid) }
        checkCopy(data, join(out, data.name))
        return sample
      },
    }
  },
}

function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / USER_HZ
}

function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "latin1")
  const bytes = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) * 1024
  return { rss: bytes("VmHWM"), anon: bytes("RssAnon") }
}
