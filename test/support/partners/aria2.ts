import { join } from "node:path"
import type { Program } from "../program.js"
import {
  type Bench,
  type DownloadJob,
  keepBench,
  needsProgram,
  type Partner,
  type SeedJob,
  withBench,
} from "./partner.js"

/** aria2: learns peers only from a tracker or the DHT, and starts slowly (timers of 2 to 3 s). */
export const aria2: Partner = {
  name: "aria2",
  missing: () => needsProgram("aria2c", "aria2"),
  seed: (job) =>
    keepBench(job, async (bench) => {
      const args = ["--seed-ratio=0.0", "--check-integrity=true", "--bt-hash-check-seed=true", `--dir=${job.dataDir}`]
      const program = await startAria2(bench, job, args)
      await (job.partial ? bench.listening(program) : program.until(/SEED\(/))
      return program
    }),
  download: (job) =>
    withBench(job, async (bench) => {
      const program = await startAria2(bench, job, [
        "--seed-time=0",
        `--check-integrity=${job.resume === true}`,
        `--dir=${job.outDir}`,
      ])
      await program.succeeded(bench.seconds)
    }),
}

async function startAria2(bench: Bench, job: SeedJob | DownloadJob, args: readonly string[]): Promise<Program> {
  const encryption = { off: [], allowed: [], required: ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"] }
  return bench.start("aria2c", [
    "--no-conf",
    "--enable-dht6=false",
    ...dhtOptions(bench, job),
    `--bt-enable-lpd=${job.lsd === true}`,
    `--enable-peer-exchange=${job.pex === true}`,
    "--summary-interval=1",
    "--file-allocation=none",
    "--allow-overwrite=true",
    `--listen-port=${bench.port}`,
    ...encryption[job.encryption ?? "allowed"],
    ...args,
    await bench.target(),
  ])
}

function dhtOptions(bench: Bench, { dht }: SeedJob | DownloadJob): string[] {
  if (dht === undefined) return ["--enable-dht=false"]
  return [
    "--enable-dht=true",
    `--dht-entry-point=${dht.host}:${dht.port}`,
    `--dht-listen-port=${bench.port}`,
    `--dht-file-path=${join(bench.folder, "dht.dat")}`,
  ]
}
