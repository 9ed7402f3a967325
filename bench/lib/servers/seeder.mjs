import { libtorrent, libtorrentSession } from "../clients/libtorrent.mjs"
import { freePort } from "../network.mjs"

export const seederMissing = libtorrent.missing

/**
 * A libtorrent seeder: the same for all clients.
 *
 * @param {{torrent: string, host: string, uploadLimit?: number, through?: string[]}} options bytes a second
 */
export async function startSeeder(stage, data, { torrent, host, uploadLimit, through }) {
  const port = await freePort()
  const command = libtorrentSession({ mode: "seed", torrent, dir: data.parent, host, port, uploadLimit })
  const program = await stage.start(command, { ready: /ready/, through })
  return {
    host,
    port,
    /** Payload bytes that it has given so far. */
    async uploaded() {
      program.output = ""
      program.child.stdin.write("\n")
      const [, bytes] = await program.until(/uploaded (\d+)/)
      return Number(bytes)
    },
    stop: () => program.stop(),
  }
}
