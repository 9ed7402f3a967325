import { readFileSync } from "node:fs"
import { join } from "node:path"
import { measure } from "../measure.mjs"

/** Making a .torrent (v1) of data on disk. */
export const create = {
  missing: () => undefined,

  cannot: (client) => ((client.create ?? client.hash) ? undefined : "does not create"),

  async open(_stage, _job, data, { timeout }) {
    const path = join(data.parent, data.name)
    return {
      async run(client, room) {
        if (client.isLimit) return measure(room, client.hash({ path, data }), timeout)
        const output = room.path("created.torrent")
        const launch = client.create({
          path,
          output,
          pieceLength: data.pieceLength,
          scratch: room.directory("scratch"),
        })
        const sample = await measure(room, launch, timeout)
        if (!readFileSync(output).includes(data.pieces)) throw new Error(`wrong piece hashes in ${output}`)
        return sample
      },
    }
  },
}
