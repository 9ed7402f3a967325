// Downloads with webtorrent: node get.mjs TORRENT OUT PORT MARK? PEER… ; with a MARK other than "" it makes that file and
// goes on giving, and takes peers from the tracker; else it ends when all is stored.
import { readFileSync, writeFileSync } from "node:fs"
import WebTorrent from "webtorrent"

const [torrent, out, port, mark, ...peers] = process.argv.slice(2)
const client = new WebTorrent({
  torrentPort: Number(port),
  tracker: mark === "" ? false : {},
  dht: false,
  lsd: false,
  utPex: false,
  utp: false,
  natUpnp: false,
  natPmp: false,
  maxConns: 200,
})
client.on("error", (error) => {
  console.error(error)
  process.exit(1)
})
const download = client.add(readFileSync(torrent), { path: out })
download.on("ready", () => peers.map((peer) => download.addPeer(peer)))
download.on("done", () => {
  if (mark === "") process.exit(0)
  writeFileSync(mark, "")
})
