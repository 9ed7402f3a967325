import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const SCRIPT = fileURLToPath(new URL("./libtorrent-session.py", import.meta.url))
// The system's own Python: another one in PATH would not find Debian's module.
const PYTHON = "/usr/bin/python3"
const VERSION = "import libtorrent; print(libtorrent.__version__)"

/** The command of a session; libtorrent-session.py says which fields a job has. */
export function libtorrentSession(job) {
  return [PYTHON, SCRIPT, JSON.stringify(job)]
}

/** libtorrent 2.0 through its Python binding. */
export const libtorrent = {
  name: "libtorrent",
  webSeeds: true,
  utp: true,
  tls: true,
  encrypts: true,
  missing: () => (spawnSync(PYTHON, ["-c", VERSION]).status === 0 ? undefined : "apt-get install python3-libtorrent"),
  version: () => spawnSync(PYTHON, ["-c", VERSION], { encoding: "utf8" }).stdout.trim(),
  get({ torrent, peers, out, scratch, host, port, stay, utp, encrypted, trusted }) {
    const mark = stay ? join(scratch, "complete") : undefined
    const told = peers.map((peer) => [peer.host, peer.port])
    return {
      command: libtorrentSession({ mode: "get", torrent, dir: out, host, port, peers: told, mark, utp, encrypted }),
      mark,
      openFiles: true,
      ...(trusted ? { env: { ...process.env, SSL_CERT_FILE: trusted } } : {}),
    }
  },
  verify: ({ torrent, dir }) => ({ command: libtorrentSession({ mode: "verify", torrent, dir }), openFiles: true }),
  create: ({ path, output, pieceLength }) => ({
    command: libtorrentSession({ mode: "create", path, output, pieceLength }),
  }),
  seed: ({ torrent, dir, host, port }) => ({
    command: libtorrentSession({ mode: "seed", torrent, dir, host, port }),
    ready: /ready/,
  }),
}
