// The tracker of webtorrent on both address families at one port: node webtorrent-tracker.mjs
import Server from "../../../bench/webtorrent/node_modules/bittorrent-tracker/server.js"

const tracker = new Server({ udp: false, ws: false, stats: false })
tracker.on("error", (error) => {
  throw error
})
tracker.listen(0, "::", () => process.stdout.write(`port ${tracker.http.address().port}\n`))
