import { existsSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { Program } from "../program.js"
import { type Bench, type DownloadJob, keepBench, type Partner, type SeedJob, withBench } from "./partner.js"

const SCRIPT = fileURLToPath(new URL("./webtorrent.mjs", import.meta.url))
const INSTALLED = fileURLToPath(new URL("../../../bench/webtorrent/node_modules/webtorrent", import.meta.url))

/**
 * webtorrent 2.8 from npm, without its WebRTC: a native module that needs a download of its own. Its encryption is left out,
 * too: the first encrypted connection ends it with a TypeError.
 */
export const webtorrent: Partner = {
  name: "webtorrent",
  missing: () => {
    if (existsSync(INSTALLED)) return undefined
    // Whoever tried to install it may have left a word.
    const { WEBTORRENT_FAILURE: failure } = process.env
    return `webtorrent (npm ci --prefix bench/webtorrent --ignore-scripts${failure === undefined ? "" : `: ${failure}`})`
  },
  seed: (job) =>
    keepBench(job, async (bench) => {
      const program = await startScript(bench, job, job.dataDir)
      await program.until(job.partial ? /ready/ : /complete/)
      return program
    }),
  download: (job) =>
    withBench(job, async (bench) => {
      await mkdir(job.outDir, { recursive: true })
      const program = await startScript(bench, job, job.outDir)
      await program.until(/complete/, bench.seconds)
    }),
}

async function startScript(bench: Bench, job: SeedJob | DownloadJob, dir: string): Promise<Program> {
  const options = {
    dir,
    // It is told its peers itself.
    torrent: await bench.target({ peerTracker: false }),
    port: bench.port,
    peers: (job.peers ?? []).map((peer) => `${peer.host}:${peer.port}`),
    utp: job.utp === true,
    lsd: job.lsd === true,
    pex: job.pex === true,
    dht: job.dht === undefined ? null : `${job.dht.host}:${job.dht.port}`,
  }
  return bench.start(process.execPath, [SCRIPT, JSON.stringify(options)])
}
