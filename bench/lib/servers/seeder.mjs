import { libtorrent, libtorrentSession } from "../clients/libtorrent.mjs"
import { freePort, refuseTcp } from "../network.mjs"

export const seederMissing = libtorrent.missing

/**
 * A libtorrent seeder: the same for all clients.
 *
 * @param {{torrent: string, host: string, uploadLimit?: number, through?: string[], utp?: boolean,
 *   encrypted?: boolean}} options
 *   bytes a second; `utp`: it refuses TCP; `encrypted`: it speaks RC4 alone
 */
export async function startSeeder(stage, data, { torrent, host, uploadLimit, through, utp, encrypted }) {
  const port = await freePort()
  const place = { torrent, dir: data.parent, host, port }
  const command = libtorrentSession({ mode: "seed", ...place, uploadLimit, utp, encrypted })
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
