import { libtorrent, libtorrentSession } from "../clients/libtorrent.mjs"
import { freePort, refuseTcp } from "../network.mjs"

export const seederMissing = libtorrent.missing

/**
 * A libtorrent seeder: the same for all clients.
 *
 * @param {{torrent: string, host: string, uploadLimit?: number, through?: string[], utp?: boolean}} options
 *   bytes a second; `utp`: it refuses TCP
 */
export async function startSeeder(stage, data, { torrent, host, uploadLimit, through, utp }) {
  const port = await freePort()
  const command = libtorrentSession({ mode: "seed", torrent, dir: data.parent, host, port, uploadLimit, utp })
  const program = await stage.start(command, { ready: /ready/, through })
  if (utp) refuseTcp(port, through)
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
