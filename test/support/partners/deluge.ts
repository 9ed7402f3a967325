import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Program } from "../program.js"
import {
  type Bench,
  type DownloadJob,
  keepBench,
  needsPython,
  type Partner,
  PYTHON,
  type SeedJob,
  withBench,
} from "./partner.js"

const SCRIPT = fileURLToPath(new URL("./deluge.py", import.meta.url))

/** Deluge 2.0: libtorrent 2.0 inside. It always speaks uTP. */
export const deluge: Partner = {
  name: "deluge",
  missing: () => needsPython("deluge.core.daemon", "deluged"),
  seed: (job) =>
    keepBench(job, async (bench) => {
      const program = await startDeluge(bench, job, job.dataDir)
      await program.until(job.partial ? /added/ : /seeding/)
      return program
    }),
  download: (job) =>
    withBench(job, async (bench) => {
      const program = await startDeluge(bench, job, job.outDir)
      await program.until(/seeding/, bench.seconds)
    }),
}

async function startDeluge(bench: Bench, job: SeedJob | DownloadJob, dir: string): Promise<Program> {
  const config = join(bench.folder, "config")
  await mkdir(config)
  const options = {
    config,
    dir,
    // It is told its peers itself.
    torrent: await bench.target({ peerTracker: false }),
    host: bench.host,
    port: bench.port,
    peers: (job.peers ?? []).map((peer) => [peer.host, peer.port]),
    encryption: job.encryption ?? "allowed",
    dht: job.dht === undefined ? null : `${job.dht.host}:${job.dht.port}`,
    lsd: job.lsd ?? false,
  }
  return bench.start(PYTHON, [SCRIPT, JSON.stringify(options)])
}
