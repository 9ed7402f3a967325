// Seeds or downloads with webtorrent: node webtorrent.mjs JOB, a JSON object.
// Prints "ready" when it has looked at what is there, and "complete" when it has all.
import { readFileSync } from "node:fs"
import WebTorrent from "../../../bench/webtorrent/node_modules/webtorrent/index.js"

const job = JSON.parse(process.argv[2])
const client = new WebTorrent({
  torrentPort: job.port,
  tracker: false,
  dht: job.dht === null ? false : { bootstrap: [job.dht] },
  lsd: job.lsd,
  utPex: job.pex,
  utp: job.utp,
  natUpnp: false,
  natPmp: false,
})
client.on("error", (error) => {
  console.error(error)
  process.exit(1)
})
const torrent = client.add(job.torrent.startsWith("magnet:") ? job.torrent : readFileSync(job.torrent), {
  path: job.dir,
})
torrent.on("ready", () => console.log("ready"))
torrent.on("done", () => console.log("complete"))
torrent.on("infoHash", () => job.peers.map((peer) => torrent.addPeer(peer)))
