import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { ProgressSnapshot } from "../../../src/torrent/statistics/progress.js"
import { readTorrent } from "../../../testbed/torrent.js"
import { Program } from "../program.js"
import { Bench, type DownloadJob, keepBench, type Running, type SeedJob } from "./partner.js"

const COMMANDS = fileURLToPath(new URL("../../../dist/cli/", import.meta.url))
/** Settings of whoever runs the tests that must not reach the command. */
const FOREIGN = /^(AT_|XDG_|(https?|all|no)_proxy$)/i

export interface OurSeedJob extends SeedJob {
  /** The folder is the datastore of an earlier `get`, instead of any folder that holds the data. */
  asDatastore?: boolean
  /** Any other option. */
  options?: readonly string[]
  /** Added to its environment. */
  env?: Readonly<Record<string, string>>
}

export interface OurDownloadJob extends DownloadJob {
  /** More web seeds. */
  urls?: readonly string[]
  /** Any other option. */
  options?: readonly string[]
  /** Added to its environment. */
  env?: Readonly<Record<string, string>>
}

/** Our own built command, driven as the partners are. Its log stands in the error of what failed. */
export const academictorrents = {
  name: "academictorrents",

  /** Resolves when it has checked its data and listens. */
  seed: (job: OurSeedJob): Promise<Running> =>
    keepBench(job, async (bench) => {
      const { name } = readTorrent(await readFile(job.torrentPath))
      const place = job.asDatastore ? ["-o", job.dataDir] : ["--data", join(job.dataDir, name)]
      const program = await startCommand(bench, job, "academictorrents", ["seed"], [...place, ...(job.options ?? [])])
      await program.until(/"type":"seeding"/)
      return program
    }),

  /** Resolves with the path that it printed when the command has ended with exit code 0. */
  async download(job: OurDownloadJob): Promise<string> {
    const running = await academictorrents.get(job)
    try {
      await running.program.succeeded(job.maxSeconds ?? 120)
      const done = lastObject<{ path: string }>(running.program, "done")
      if (done === undefined) throw running.program.failure("ended well without a result")
      return done.path
    } finally {
      await running.stop()
    }
  },

  /** Resolves when the command has been started. */
  async get(job: OurDownloadJob): Promise<Running> {
    const bench = await Bench.open(job)
    try {
      const peers = (job.peers ?? []).map(({ host, port }) => `--peer=${host}:${port}`)
      const urls = (job.urls ?? []).map((url) => `--url=${url}`)
      const args = ["-o", job.outDir, ...peers, ...urls, ...(job.options ?? [])]
      return bench.running(await startCommand(bench, job, "at-get", [], args))
    } catch (error) {
      await bench.close()
      throw error
    }
  },

  /** Makes a .torrent of a file or folder. */
  async create(path: string, output: string, options: readonly string[]) {
    const program = new Program(process.execPath, [
      scriptOf("academictorrents"),
      ...["create", path, "-o", output, "--json"],
      ...options,
    ])
    await program.succeeded(60)
    const [line = ""] = program.output.trimEnd().split("\n").slice(-1)
    const { infoHash } = JSON.parse(line) as { infoHash: string }
    return { torrentPath: output, infoHash }
  },
}

/** What the command last said of its progress. */
export function lastProgress(program: Program): ProgressSnapshot | undefined {
  return lastObject<ProgressSnapshot>(program, "progress")
}

/** The last object of a type on its standard output. */
function lastObject<T>(program: Program, type: string): T | undefined {
  const start = program.output.lastIndexOf(`{"type":"${type}"`)
  const end = program.output.indexOf("}\n", start)
  return start < 0 || end < 0 ? undefined : (JSON.parse(program.output.slice(start, end + 1)) as T)
}

function scriptOf(command: string): string {
  const script = join(COMMANDS, `${command}.js`)
  if (!existsSync(script)) throw new Error("dist/ is absent: run `npm run build` first")
  return script
}

async function startCommand(
  bench: Bench,
  job: OurSeedJob | OurDownloadJob,
  command: "academictorrents" | "at-get",
  before: readonly string[],
  args: readonly string[],
): Promise<Program> {
  const others = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name))
  const entry = job.dht === undefined ? "" : `${job.dht.host}:${job.dht.port}`
  const env = {
    ...Object.fromEntries(others),
    HOME: bench.folder,
    AT_SITE: "http://127.0.0.1:9",
    AT_DHT_BOOTSTRAP: entry,
    ...job.env,
  }
  return bench.start(
    process.execPath,
    [
      scriptOf(command),
      ...before,
      await bench.target({ peerTracker: false }),
      ...args,
      ...["--port", String(bench.port), "--json", "-vv"],
      ...(job.tracker === undefined ? ["--no-tracker"] : []),
      ...(job.lsd ? [] : ["--no-lsd"]),
    ],
    { env },
  )
}
