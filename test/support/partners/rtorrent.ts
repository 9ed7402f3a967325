import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
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

/** rtorrent 0.9.8, with the other libtorrent inside: no web seeds, no uTP, no v2. */
export const rtorrent: Partner = {
  name: "rtorrent",
  missing: () => needsProgram("rtorrent", "rtorrent"),
  seed: (job) =>
    keepBench(job, async (bench) => {
      const program = await startRtorrent(bench, job, job.dataDir)
      await program.poll("checked", () => existsSync(join(bench.folder, "hash_done")))
      return program
    }),
  download: (job) =>
    withBench(job, async (bench) => {
      await mkdir(job.outDir, { recursive: true })
      const program = await startRtorrent(bench, job, job.outDir)
      await program.poll("complete", () => existsSync(join(bench.folder, "finished")), bench.seconds)
    }),
}

async function startRtorrent(bench: Bench, job: SeedJob | DownloadJob, dir: string): Promise<Program> {
  const encryption = {
    off: "none",
    allowed: "allow_incoming,try_outgoing,enable_retry",
    required: "require,require_RC4",
  }[job.encryption ?? "allowed"]
  const session = join(bench.folder, "session")
  await mkdir(session)
  const mark = (event: string): string =>
    `method.set_key=event.download.${event},mark,"execute.nothrow={sh,-c,: > ${join(bench.folder, event)}}"`
  const lines = [
    "system.daemon.set=true",
    `network.bind_address.set=${bench.host}`,
    `network.port_range.set=${bench.port}-${bench.port}`,
    "network.port_random.set=no",
    `session.path.set=${session}`,
    `directory.default.set="${dir}"`,
    `protocol.pex.set=${job.pex ? "yes" : "no"}`,
    ...(job.dht === undefined
      ? ["dht.mode.set=disable"]
      : [
          "dht.mode.set=on",
          `dht.port.set=${bench.port}`,
          // It forgets what it is told before it has started.
          `schedule2=dht_node,1,5,"dht.add_node=${job.dht.host}:${job.dht.port}"`,
        ]),
    `protocol.encryption.set=${encryption}`,
    mark("hash_done"),
    mark("finished"),
    `load.start=${await bench.target()}`,
  ]
  const rc = join(bench.folder, "rtorrent.rc")
  await writeFile(rc, `${lines.join("\n")}\n`)
  return bench.start("rtorrent", ["-n", "-o", `import=${rc}`], { env: { ...process.env, TERM: "dumb" } })
}
