import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { startTestbed } from "./testbed.js"

const USAGE = `Serves a file or folder as a dataset of an Academic Torrents in a box, until it is stopped.

usage: node dist-testbed/main.js PATH [--seeders N] [--web-seeds N] [--rate BYTES] [--piece-length BYTES] [--name NAME]
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", short: "h" },
    name: { type: "string" },
    "piece-length": { type: "string", default: String(256 * 1024) },
    rate: { type: "string", default: "Infinity" },
    seeders: { type: "string", default: "1" },
    "web-seeds": { type: "string", default: "1" },
  },
})
const path = positionals[0]
if (values.help || path === undefined) {
  process.stdout.write(USAGE)
  process.exit(values.help ? 0 : 2)
}

const testbed = await startTestbed()
const rate = Number(values.rate)
const { torrent, seeders, webSeedUrls } = await testbed.publish(resolve(path), {
  create: { pieceLength: Number(values["piece-length"]), ...(values.name === undefined ? {} : { name: values.name }) },
  seeders: Array.from({ length: Number(values.seeders) }, () => ({ rate })),
  webSeeds: Array.from({ length: Number(values["web-seeds"]) }, () => ({ rate })),
})
process.stdout.write(`site      ${testbed.url}
tracker   ${testbed.tracker.httpUrl}  ${testbed.tracker.udpUrl}
seeders   ${seeders.map((seeder) => seeder.address).join("  ")}
web seeds ${webSeedUrls.join("  ")}

AT_SITE=${testbed.url} npx at-get ${torrent.infoHash}
`)
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void testbed.close())
