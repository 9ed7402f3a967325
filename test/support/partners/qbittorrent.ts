import { existsSync, readFileSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { freePort } from "../ports.js"
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

/** The port at router.bittorrent.com. */
const DHT_PORT = 6881

const WATCHER = fileURLToPath(new URL("./qbittorrent-complete.mjs", import.meta.url))

/** qBittorrent 4.5 without a window: libtorrent 2.0 inside. */
export const qbittorrent: Partner = {
  name: "qbittorrent-nox",
  missing: () => needsProgram("qbittorrent-nox", "qbittorrent-nox"),
  seed: (job) =>
    keepBench(job, async (bench) => {
      const args = job.partial ? [] : ["--skip-hash-check"]
      const program = await startQbittorrent(bench, job, { dir: job.dataDir, args })
      await bench.listening(program)
      const log = join(bench.folder, "qBittorrent/data/logs/qbittorrent.log")
      await program.poll("holding the torrent", () => existsSync(log) && /added/i.test(readFileSync(log, "utf8")))
      return program
    }),
  download: (job) =>
    withBench(job, async (bench) => {
      // The program that it can run at completion is forgotten when it shows in its list before libtorrent says so.
      const webPort = await freePort()
      const program = await startQbittorrent(bench, job, { dir: job.outDir, args: [], webPort })
      const watcher = bench.start(process.execPath, [WATCHER, String(webPort)])
      await program.poll("complete", () => watcher.output.includes("complete"), bench.seconds)
    }),
}

async function startQbittorrent(
  bench: Bench,
  job: SeedJob | DownloadJob,
  { dir, args, webPort }: { dir: string; args: readonly string[]; webPort?: number },
): Promise<Program> {
  const config = join(bench.folder, "qBittorrent/config")
  await mkdir(config, { recursive: true })
  const sections = {
    LegalNotice: { Accepted: true },
    Preferences: {
      "WebUI\\Enabled": webPort !== undefined,
      "WebUI\\Address": "127.0.0.1",
      "WebUI\\Port": webPort ?? 0,
      "WebUI\\LocalHostAuth": false,
    },
    BitTorrent: {
      "Session\\InterfaceAddress": bench.host,
      "Session\\Port": bench.port,
      "Session\\DHTEnabled": job.dht !== undefined,
      "Session\\LSDEnabled": job.lsd === true,
      "Session\\PeXEnabled": job.pex === true,
      "Session\\Encryption": { allowed: 0, required: 1, off: 2 }[job.encryption ?? "allowed"],
      "Session\\BTProtocol": job.utp ? "UTP" : "TCP",
      "Session\\MultiConnectionsPerIp": true,
      "Session\\SSRFMitigation": false,
      "Session\\QueueingSystemEnabled": false,
      "Session\\Preallocation": false,
      // What is complete is written, too.
      "Session\\DiskIOType": "Posix",
    },
    Network: { PortForwardingEnabled: false },
  }
  const lines = Object.entries(sections).flatMap(([name, values]) => [
    `[${name}]`,
    ...Object.entries(values).map(([key, value]) => `${key}=${value}`),
  ])
  await writeFile(join(config, "qBittorrent.conf"), `${lines.join("\n")}\n`)
  const command = ["qbittorrent-nox", `--profile=${bench.folder}`, `--save-path=${dir}`, "--skip-dialog=true", ...args]
  const [program, ...rest] = [...(await entering(bench, job)), ...command, await bench.target()]
  return bench.start(program!, rest, { env: { ...process.env, QT_LOGGING_RULES: "*=false" } })
}

/** Where it enters the DHT can't be set: what it is run through so that the host which it asks is the one of the job. */
async function entering(bench: Bench, { dht }: SeedJob | DownloadJob): Promise<string[]> {
  if (dht === undefined) return []
  if (dht.port !== DHT_PORT) throw new Error(`qbittorrent enters the DHT at port ${DHT_PORT} alone`)
  const hosts = join(bench.folder, "hosts")
  await writeFile(hosts, `127.0.0.1 localhost\n${dht.host} router.bittorrent.com\n`)
  return ["unshare", "--mount", "--", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
}
