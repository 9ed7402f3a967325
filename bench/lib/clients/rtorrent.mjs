import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { needsProgram, versionFrom } from "./installed.mjs"
import { markPath } from "./mark-script.mjs"

/** rtorrent 0.9.8, with the other libtorrent inside: no web seeds. Its events make the marks. */
export const rtorrent = {
  name: "rtorrent",
  missing: () => needsProgram("rtorrent", "rtorrent"),
  version: () => versionFrom("rtorrent", ["-h"]),
  get: ({ tracked, out, scratch, host, port }) =>
    launch({ torrent: tracked, dir: out, scratch, host, port, event: "finished" }),
  verify: ({ torrent, dir, scratch }) =>
    launch({ torrent, dir, scratch, host: "127.0.0.1", port: 6999, event: "hash_done" }),
}

function launch({ torrent, dir, scratch, host, port, event }) {
  const mark = markPath(scratch)
  mkdirSync(join(scratch, "session"))
  const lines = [
    "system.daemon.set=true",
    `network.bind_address.set=${host}`,
    `network.port_range.set=${port}-${port}`,
    "network.port_random.set=no",
    `session.path.set=${join(scratch, "session")}`,
    `directory.default.set=${dir}`,
    "protocol.pex.set=no",
    "dht.mode.set=disable",
    "protocol.encryption.set=none",
    "pieces.memory.max.set=1024M",
    "throttle.max_downloads.global.set=100",
    "throttle.max_uploads.global.set=100",
    "network.max_open_files.set=4096",
    `method.set_key=event.download.${event},mark,"execute.nothrow={sh,-c,: > ${mark}}"`,
    `load.start=${torrent}`,
  ]
  const rc = join(scratch, "rtorrent.rc")
  writeFileSync(rc, `${lines.join("\n")}\n`)
  return {
    command: ["rtorrent", "-n", "-o", `import=${rc}`],
    env: { ...process.env, TERM: "dumb" },
    mark,
    openFiles: true,
  }
}
