// Says "complete" once qbittorrent's one torrent is: node qbittorrent-complete.mjs PORT
// Plain JavaScript, so that it runs inside a network namespace without a build.
import { setTimeout as sleep } from "node:timers/promises"

const url = `http://127.0.0.1:${process.argv[2]}/api/v2/torrents/info`

for (;;) {
  // It does not listen yet, at first.
  const torrents = await fetch(url).then(
    (response) => response.json(),
    () => [],
  )
  // Uploading, stalledUP, queuedUP…: what is checked or moved just now is called otherwise.
  if (torrents.some((torrent) => torrent.progress === 1 && /UP$|^uploading$/.test(torrent.state))) break
  await sleep(100)
}
process.stdout.write("complete\n")
