import { mkdir, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { encode } from "../../../testbed/bencode.js"
import { netnsMissing } from "../netns.js"
import type { Program } from "../program.js"
import {
  type Address,
  type Bench,
  type DownloadJob,
  keepBench,
  needsProgram,
  type Partner,
  type SeedJob,
  withBench,
} from "./partner.js"

/**
 * Transmission 3.00. It refuses loopback peers and keeps one peer an address: run it in a namespace, each party on an
 * address of its own. It creates no empty files.
 */
export const transmission: Partner = {
  name: "transmission",
  missing: () => needsProgram("transmission-cli", "transmission-cli") ?? netnsMissing(),
  seed: (job) =>
    keepBench(job, async (bench) => {
      const program = await startTransmission(bench, job, job.dataDir, [], await bench.target())
      await (job.partial ? bench.listening(program) : program.until(/Seeding, /))
      return program
    }),
  download: (job) =>
    withBench(job, async (bench) => {
      // It would seed for ever: its script tells us that the last file is in place.
      const { script, isReached } = await bench.completion()
      await mkdir(job.outDir, { recursive: true })
      const run = async (target: string): Promise<void> => {
        const program = await startTransmission(bench, job, job.outDir, ["--finish", script], target)
        await program.poll("complete", isReached, bench.seconds)
      }
      await run(await bench.target()).catch(async (error: unknown) => {
        // It takes the pause between metadata and checking for its end, when it happens to look then. What it got is kept.
        const torrents = join(bench.folder, "config/torrents")
        const [torrent] = job.magnet ? await readdir(torrents) : []
        if (torrent === undefined) throw error
        await run(join(torrents, torrent))
      })
    }),
}

async function startTransmission(
  bench: Bench,
  job: SeedJob | DownloadJob,
  dir: string,
  args: readonly string[],
  target: string,
): Promise<Program> {
  if (bench.host.startsWith("127.")) throw new Error("transmission has no use for loopback addresses")
  const config = join(bench.folder, "config")
  await mkdir(config, { recursive: true })
  const settings = {
    "bind-address-ipv4": bench.host,
    "dht-enabled": job.dht !== undefined,
    "lpd-enabled": job.lsd === true,
    "pex-enabled": job.pex === true,
    "utp-enabled": job.utp === true,
    "port-forwarding-enabled": false,
    encryption: { off: 0, allowed: 1, required: 2 }[job.encryption ?? "allowed"],
  }
  await writeFile(join(config, "settings.json"), JSON.stringify(settings))
  if (job.dht !== undefined) await writeFile(join(config, "dht.bootstrap"), `${job.dht.host} ${job.dht.port}\n`)
  if (job.dhtNodes !== undefined) await writeFile(join(config, "dht.dat"), rememberedNodes(job.dhtNodes))
  // Its output comes in blocks of 4 KiB unless it is told otherwise.
  return bench.start("stdbuf", [
    ...["-o0", "transmission-cli"],
    ...["--config-dir", config, "--download-dir", dir, "--port", String(bench.port), "--no-portmap"],
    ...args,
    target,
  ])
}

/**
 * What it keeps of the DHT from run to run. It announces once it knows more than eight nodes. Of remembered ones it asks one
 * every two seconds; by a single way in it may take minutes, as it looks for more after one to three when it looked too early.
 */
function rememberedNodes(nodes: readonly Address[]): Uint8Array {
  const compact = nodes.flatMap(({ host, port }) => [...host.split(".").map(Number), port >> 8, port & 255])
  return encode({ nodes: Uint8Array.from(compact) })
}
