import { cpSync, linkSync } from "node:fs"
import { join } from "node:path"
import { measure } from "../measure.mjs"
import { writeTorrent } from "../torrent.mjs"

/** Hashing what is on disk, without any journal or resume data of before. */
export const verify = {
  missing: () => undefined,

  cannot: (client) => ((client.verify ?? client.hash) ? undefined : "does not only verify"),

  async open(stage, _job, data, { timeout }) {
    // rtorrent refuses a torrent without any tracker.
    const torrent = writeTorrent(stage.path("data.torrent"), data, { tracker: "http://127.0.0.1:9/announce" }).path
    const source = join(data.parent, data.name)
    return {
      run(client, room) {
        if (client.isLimit) return measure(room, client.hash({ path: source, data }), timeout)
        const [dir, scratch] = [room.directory("data"), room.directory("scratch")]
        // The same bytes in a folder of its own: what the client leaves beside them does not help the next run.
        if (data.folder) cpSync(source, join(dir, data.name), { recursive: true })
        else linkSync(source, join(dir, data.name))
        return measure(room, client.verify({ torrent, dir, scratch }), timeout)
      },
    }
  },
}
