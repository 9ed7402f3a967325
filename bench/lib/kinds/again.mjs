import { join } from "node:path"
import { checkCopy } from "../data.mjs"
import { measure } from "../measure.mjs"
import { address, freePort } from "../network.mjs"
import { nginxMissing, startNginx } from "../servers/nginx.mjs"
import { writeTorrent } from "../torrent.mjs"

/** The same download once more, when all is there and the journal says so. Only ours promises to be quick at that. */
export const again = {
  missing: nginxMissing,

  cannot: (client) => (client.isOurs ? undefined : "keeps no journal beside the data"),

  async open(stage, _job, data, { timeout }) {
    const nginx = await startNginx(stage, data, { host: address(1) })
    const torrent = writeTorrent(stage.path("data.torrent"), data, { webSeeds: [nginx.webSeed] }).path
    return {
      async run(client, room) {
        const [out, scratch] = [room.directory("out"), room.directory("scratch")]
        const launch = client.get({ torrent, peers: [], out, scratch, port: await freePort() })
        await measure(room, launch, timeout)
        const sample = await measure(room, launch, timeout)
        checkCopy(data, join(out, data.name))
        return sample
      },
    }
  },
}
