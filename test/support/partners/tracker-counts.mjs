// Waits until a tracker counts so many seeds of a torrent: node tracker-counts.mjs SCRAPE_URL INFO_HASH SEEDS
// Plain JavaScript, so that it runs inside a network namespace without a build.
const [url, infoHash, seeds] = process.argv.slice(2)
const query = `${url}?info_hash=${infoHash.replace(/../g, "%$&")}`
for (;;) {
  const answer = Buffer.from(await (await fetch(query)).arrayBuffer()).toString("latin1")
  if (Number(/8:completei(\d+)e/.exec(answer)?.[1] ?? 0) >= Number(seeds)) break
  await new Promise((resolve) => setTimeout(resolve, 50))
}
