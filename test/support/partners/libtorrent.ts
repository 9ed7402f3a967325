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

const SCRIPT = fileURLToPath(new URL("./libtorrent.py", import.meta.url))

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

async function startScript(
  bench: Bench,
  job: SeedJob | DownloadJob,
  mode: "seed" | "share" | "download",
  dir: string,
): Promise<Program> {
  const options = {
    mode,
    dir,
    idle: "idle" in job && job.idle === true,
    // It is told its peers itself.
    torrent: await bench.target({ peerTracker: false }),
    host: bench.host,
    port: bench.port,
    tracker: job.tracker ?? null,
    peers: (job.peers ?? []).map((peer) => [peer.host, peer.port]),
    downloadRate: ("downloadRate" in job ? job.downloadRate : undefined) ?? 0,
    encryption: job.encryption ?? "allowed",
    utp: job.utp ?? false,
    lsd: job.lsd ?? false,
    dht: job.dht === undefined ? null : [job.dht.host, job.dht.port],
  }
  return bench.start(PYTHON, [SCRIPT, JSON.stringify(options)])
}
