import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import type { Program } from "../program.js"
import {
  type Bench,
  type DownloadJob,
  keepBench,
  needsPython,
  type Partner,
  type SeedJob,
  withBench,
} from "./partner.js"

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

async function startDeluge(bench: Bench, { dht }: SeedJob | DownloadJob, dir: string): Promise<Program> {
  const config = join(bench.folder, "config")
  await mkdir(config)
  return bench.startPython("./deluge.py", { config, dir, dht: dht === undefined ? null : `${dht.host}:${dht.port}` })
}
