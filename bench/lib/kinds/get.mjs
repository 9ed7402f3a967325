import { join } from "node:path"
import { checkCopy } from "../data.mjs"
import { measure } from "../measure.mjs"
import { address, firewallMissing, freePort, hasPrivateNetwork, linkMissing } from "../network.mjs"
import { certificateMissing, makeCertificate } from "../servers/certificate.mjs"
import { openLink } from "../servers/link.mjs"
import { nginxMissing, startNginx } from "../servers/nginx.mjs"
import { seederMissing, startSeeder } from "../servers/seeder.mjs"
import { startPeerTracker } from "../servers/tracker.mjs"
import { writeTorrent } from "../torrent.mjs"

/** Where clients listen, beside the servers' addresses. */
const CLIENT = 20

/** A download into an empty folder, from `seeders` libtorrent seeders and, with `web`, from nginx. */
export const get = {
  missing: (job) =>
    (job.seeders > 0 ? seederMissing() : undefined) ??
    (needsNginx(job) ? nginxMissing() : undefined) ??
    (job.link === undefined ? undefined : linkMissing()) ??
    (job.utp ? firewallMissing() : undefined) ??
    (job.tls ? certificateMissing() : undefined),

  cannot(client, job) {
    if (client.isLimit) return job.limit in client ? undefined : "no such limit"
    if (client.get === undefined) return "does not download"
    if (client.needsPrivateNetwork && !hasPrivateNetwork()) return "has no use for loopback addresses: needs root"
    if (job.utp && !client.utp) return "is not measured by uTP"
    if (job.encrypted && !client.encrypts) return "is not measured with encryption"
    if (job.tls && !client.tls) return "is not measured by HTTPS"
    return job.web && !client.webSeeds ? "no web seeds" : undefined
  },

  async open(stage, job, data, { timeout }) {
    const link = job.link === undefined ? undefined : await openLink(stage, job.link)
    const host = link?.near ?? address(CLIENT)
    const servers = { through: link?.through }
    const web = link?.far ?? address(1)
    const secure = job.tls ? makeCertificate(stage, web) : undefined
    const nginx = needsNginx(job) ? await startNginx(stage, data, { ...servers, host: web, secure }) : undefined
    const plain = writeTorrent(stage.path("seed.torrent"), data, {}).path
    const peers = []
    for (let n = 1; n <= job.seeders; n++) {
      const { utp, encrypted, uploadLimit } = job
      const place = { ...servers, torrent: plain, host: link?.far ?? address(n) }
      peers.push(await startSeeder(stage, data, { ...place, utp, encrypted, uploadLimit }))
    }
    const webSeeds = job.web ? [nginx.webSeed] : []
    const tracker = await startPeerTracker(stage, { host, peers })
    const { path: torrent, infoHash } = writeTorrent(stage.path("data.torrent"), data, { webSeeds })
    const tracked = writeTorrent(stage.path("tracked.torrent"), data, { webSeeds, tracker }).path
    return {
      async run(client, room) {
        const [out, scratch] = [room.directory("out"), room.directory("scratch")]
        const port = await freePort()
        const places = { torrent, tracked, infoHash, peers, url: nginx?.url, out, scratch, host, port }
        const task = { ...places, data, utp: job.utp, encrypted: job.encrypted, trusted: secure?.certificate }
        const sample = await measure(room, client.isLimit ? client[job.limit](task) : client.get(task), timeout)
        if (!(client.isLimit && job.limit === "start")) checkCopy(data, join(out, data.name))
        return sample
      },
    }
  },
}

function needsNginx(job) {
  return job.web || job.limit === "receive"
}
