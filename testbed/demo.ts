import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readFile, rm } from "node:fs/promises"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { startTestbed } from "./testbed.js"
import type { Torrent } from "./torrent.js"

// The real `at-get` against an Academic Torrents on loopback: real data from two peers and a web seed.

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const AT_GET = join(ROOT, "dist", "cli", "at-get.js")
const DATA = join(ROOT, "node_modules", "vega-datasets", "data")
const PLACE = join(ROOT, "tmp", "demo")
/** Bytes a second of each of the three: 43 MB take some twelve seconds, time enough to watch. */
const RATE = 1_200_000
const SHOWN = "seattle-weather.csv"
const SHOWN_ROWS = 5

/** Runs the command with its progress view on our standard error; returns what it printed and how it ended. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [AT_GET, ...args], { env, stdio: ["ignore", "pipe", "inherit"] })
  // Ctrl-C reaches the command too, which saves its state; the demo ends after it.
  const stop = (signal: NodeJS.Signals): boolean => child.kill(signal)
  const keepOn = (): void => {}
  process.on("SIGINT", keepOn)
  process.on("SIGTERM", stop)
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text
  })
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject)
      child.once("close", (exit) => resolve(exit ?? 1))
    })
    return { code, output }
  } finally {
    process.off("SIGINT", keepOn)
    process.off("SIGTERM", stop)
  }
}

/** Our own settings only: nobody's datastore, cache or proxy. And nothing leaves the machine: no DHT, no multicast. */
function environment(site: string): NodeJS.ProcessEnv {
  const others = /^(AT_DATASTORE|AT_OFFLINE|AT_API_KEY|(HTTP|HTTPS|ALL)_PROXY)$/i
  const kept = Object.entries(process.env).filter(([name]) => !others.test(name))
  const own = { AT_SITE: site, AT_DHT_BOOTSTRAP: "", AT_NO_LSD: "1", XDG_CACHE_HOME: join(PLACE, "cache") }
  return { ...Object.fromEntries(kept), ...own }
}

async function countSame(torrent: Torrent, path: string): Promise<number> {
  let same = 0
  for (const file of torrent.files) {
    const [sent, arrived] = await Promise.all([DATA, path].map((folder) => readFile(join(folder, ...file.path))))
    if (sent!.equals(arrived!)) same++
  }
  return same
}

async function demo(): Promise<number> {
  if (!existsSync(AT_GET) || !existsSync(DATA)) {
    process.stderr.write("The command or the data is not there: npm ci && npm run demo\n")
    return 1
  }
  await rm(PLACE, { recursive: true, force: true })
  await mkdir(PLACE, { recursive: true })
  const testbed = await startTestbed()
  try {
    const dataset = await testbed.publish(DATA, {
      create: { name: "vega-datasets" },
      entry: { description: "Example datasets for visualization.", authors: "Vega" },
      seeders: [{ rate: RATE }, { rate: RATE }],
      webSeeds: [{ rate: RATE }],
    })
    const datastore = join(PLACE, "datasets")
    print(`A small Academic Torrents is running on this machine, at ${testbed.url}.`)
    print("It has one dataset. Two peers and a web seed share it, at 1.2 MB/s each.\n")
    print(`$ at-get ${dataset.infoHash} -o ${relative(process.cwd(), datastore)}`)
    const { code, output } = await run([dataset.infoHash, "-o", datastore], environment(testbed.url))
    process.stdout.write(output)
    if (code !== 0) return code

    const path = output.trim()
    const { torrent, seeders, webSeeds } = dataset
    const same = await countSame(torrent, path)
    const bytes = torrent.length.toLocaleString("en")
    const fromPeers = seeders.map((seeder) => megabytes(seeder.bytesServed)).join(" and ")
    const fromWebSeed = webSeeds.map((webSeed) => megabytes(webSeed.bytesServed)).join(" and ")
    print(
      `\nWhat arrived: ${same} of ${torrent.files.length} files are the same as the originals, ${bytes} bytes in all.`,
    )
    print(`The peers gave ${fromPeers}, the web seed ${fromWebSeed}.\n`)
    const text = await readFile(join(path, SHOWN), "utf8")
    print(`$ head -${SHOWN_ROWS} ${relative(process.cwd(), join(path, SHOWN))}`)
    print(text.split("\n").slice(0, SHOWN_ROWS).join("\n"))
    return same === torrent.files.length ? 0 : 1
  } finally {
    await testbed.close()
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

process.exitCode = await demo()
