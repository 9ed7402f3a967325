import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { markPath } from "./mark-script.mjs"

const FOLDER = fileURLToPath(new URL("../../webtorrent", import.meta.url))
const PACKAGE = join(FOLDER, "node_modules/webtorrent/package.json")

/** webtorrent, from npm, by its own interface for programs. */
export const webtorrent = {
  name: "webtorrent",
  webSeeds: true,
  missing: () => (existsSync(PACKAGE) ? undefined : "npm ci --prefix bench/webtorrent --ignore-scripts"),
  version: () => JSON.parse(readFileSync(PACKAGE, "utf8")).version,
  get({ torrent, peers, out, scratch, port, stay }) {
    const mark = stay ? markPath(scratch) : undefined
    const told = peers.map((peer) => `${peer.host}:${peer.port}`)
    return {
      command: [process.execPath, join(FOLDER, "get.mjs"), torrent, out, String(port), mark ?? "", ...told],
      mark,
      openFiles: true,
    }
  },
}
