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

/** libtorrent 2.0 through its Python binding: the most complete partner. */
export const libtorrent: Partner = {
  name: "libtorrent",
  missing: () => needsPython("libtorrent", "python3-libtorrent"),
  seed: (job) =>
    keepBench(job, async (bench) => {
      const lacksSome = job.partial === true || job.idle === true
      const program = await startScript(bench, job, lacksSome ? "share" : "seed", job.dataDir)
      await program.until(lacksSome ? /checked/ : /ready \d+/)
      return program
    }),
  download: (job) =>
    withBench(job, async (bench) => {
      const program = await startScript(bench, job, "download", job.outDir)
      await program.succeeded(bench.seconds)
    }),
}

function startScript(
  bench: Bench,
  job: SeedJob | DownloadJob,
  mode: "seed" | "share" | "download",
  dir: string,
): Promise<Program> {
  return bench.startPython("./libtorrent.py", {
    mode,
    dir,
    idle: "idle" in job && job.idle === true,
    tracker: job.tracker ?? null,
    downloadRate: ("downloadRate" in job ? job.downloadRate : undefined) ?? 0,
    utp: job.utp ?? false,
  })
}
