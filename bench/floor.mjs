// Our client against aria2 in one interleaved run: one libtorrent seeder on loopback, and nginx on loopback alone.
//
//   node bench/floor.mjs [--runs 5] [--mib 1024] [--piece-kib 1024] [--files 1] [--jobs peer,web] [--only ours|aria2]
//
// Needs aria2, nginx-light, python3-libtorrent and time (Debian's packages), and a build (npm run build). Each run
// starts in an empty folder, and every byte is compared afterwards, outside the timed window. Prints seconds from start
// to exit, CPU seconds and peak resident memory of the client: median (min to max), and the ratio of the medians.
import { spawn, spawnSync } from "node:child_process"
import { createCipheriv, randomBytes } from "node:crypto"
import { once } from "node:events"
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    mib: { type: "string", default: "1024" },
    "piece-kib": { type: "string", default: "1024" },
    files: { type: "string", default: "1" },
    jobs: { type: "string", default: "peer,web" },
    only: { type: "string" },
  },
})
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const CLI = join(ROOT, "dist/cli/at-get.js")
const CREATE = join(ROOT, "dist/cli/academictorrents.js")
const LIBTORRENT = join(ROOT, "test/support/partners/libtorrent.py")
const PEER_TRACKER = join(ROOT, "test/support/partners/peer-tracker.mjs")
const work = mkdtempSync(join(tmpdir(), "floor-"))
const children = new Set()

/** Bytes that do not compress, in one file or many of the same mean size (from half to one and a half times it). */
async function makeData() {
  const folder = join(work, "source")
  const path = join(folder, "data")
  const total = Number(values.mib) * 2 ** 20
  const count = Number(values.files)
  const cipher = createCipheriv("aes-128-ctr", randomBytes(16), randomBytes(16))
  if (count > 1) mkdirSync(path, { recursive: true })
  else mkdirSync(folder, { recursive: true })
  const mean = total / count
  for (let i = 0; i < count; i++) {
    const length = count === 1 ? total : Math.max(1, Math.round(mean * (0.5 + ((i * 7919) % 1000) / 1000)))
    const target = count === 1 ? path : join(path, `${i % 100}`, `${i}.bin`)
    if (count > 1) mkdirSync(dirname(target), { recursive: true })
    if (length < 2 ** 24) {
      writeFileSync(target, cipher.update(Buffer.alloc(length)))
      continue
    }
    const out = createWriteStream(target)
    for (let left = length; left > 0; left -= 2 ** 24) {
      if (!out.write(cipher.update(Buffer.alloc(Math.min(left, 2 ** 24))))) await once(out, "drain")
    }
    out.end()
    await once(out, "close")
  }
  return { folder, path }
}

function makeTorrent(path, name, extra) {
  const output = join(work, name)
  const create = [CREATE, "create", path, "-q", "-o", output, "--piece-length", `${values["piece-kib"]}K`]
  const made = spawnSync(process.execPath, [...create, ...extra], { encoding: "utf8" })
  if (made.status !== 0) throw new Error(`create: ${made.stderr}`)
  return output
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address()
  server.close()
  await once(server, "close")
  return port
}

/** Starts a helper and waits for a line that matches. */
async function start(command, args, ready) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] })
  children.add(child)
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text))
  if (ready === undefined) return child
  for (let tries = 0; tries < 300; tries++) {
    const match = ready.exec(output)
    if (match !== null) return match[0]
    if (child.exitCode !== null) break
    await sleep(100)
  }
  throw new Error(`${command} did not start: ${output}`)
}

/** Runs a client to its end; seconds, CPU seconds and peak MB by the operating system's own account. */
function timed(command, args) {
  const report = join(work, "time")
  const began = process.hrtime.bigint()
  const run = spawnSync("/usr/bin/time", ["-f", "%U %S %M", "-o", report, command, ...args], { encoding: "utf8" })
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  if (run.status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${run.stdout}\n${run.stderr}`)
  const [user, system, kib] = spawnSync("cat", [report], { encoding: "utf8" }).stdout.trim().split(/\s+/).map(Number)
  return { seconds, cpu: user + system, mb: kib / 1024 }
}

function check(source, path) {
  const same = spawnSync("diff", ["-rq", source, path], { encoding: "utf8" })
  if (same.status !== 0) throw new Error(`the bytes differ: ${same.stdout.slice(0, 300)}`)
}

function summary(runs, key, digits) {
  const sorted = runs.map((run) => run[key]).sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)]
  return {
    median,
    text: `${median.toFixed(digits)} (${sorted[0].toFixed(digits)} to ${sorted.at(-1).toFixed(digits)})`,
  }
}

try {
  const { folder, path } = await makeData()
  const jobs = {}
  if (values.jobs.includes("peer")) {
    const port = await freePort()
    const plain = makeTorrent(path, "seeder.torrent", [])
    const job = {
      mode: "seed",
      dir: folder,
      torrent: plain,
      host: "127.0.0.1",
      port,
      tracker: null,
      peers: [],
      encryption: "allowed",
      utp: false,
    }
    await start("/usr/bin/python3", [LIBTORRENT, JSON.stringify(job)], /ready \d+/)
    const tracker = await start(process.execPath, [PEER_TRACKER, "127.0.0.1", `127.0.0.1:${port}`], /http\S+/)
    jobs.peer = makeTorrent(path, "peer.torrent", ["--tracker", tracker])
  }
  if (values.jobs.includes("web")) {
    const port = await freePort()
    const config = join(work, "nginx.conf")
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${work};`)
    writeFileSync(
      config,
      `daemon off; user root; worker_processes 1; worker_rlimit_nofile 65536; pid ${work}/pid; error_log stderr warn;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary.join(" ")}
server { listen 127.0.0.1:${port}; root "${folder}"; } }\n`,
    )
    await start("nginx", ["-p", work, "-c", config, "-e", "stderr"])
    const url = values.files === "1" ? `http://127.0.0.1:${port}/data` : `http://127.0.0.1:${port}/`
    jobs.web = makeTorrent(path, "web.torrent", ["--url", url])
  }
  await sleep(500)
  const aria2 = [
    "--no-conf",
    "--seed-time=0",
    "--enable-dht=false",
    "--enable-dht6=false",
    "--bt-enable-lpd=false",
    "--file-allocation=none",
    "--quiet=true",
  ]
  const clients = {
    ours: (torrent, out) => timed(process.execPath, [CLI, torrent, "-o", out, "-q", "--port", "0"]),
    aria2: (torrent, out) => timed("aria2c", [...aria2, `--dir=${out}`, "--listen-port=7000-7999", torrent]),
  }
  for (const [job, torrent] of Object.entries(jobs)) {
    const results = { ours: [], aria2: [] }
    for (let run = 0; run < Number(values.runs); run++) {
      for (const [client, get] of Object.entries(clients)) {
        if (values.only !== undefined && values.only !== client) continue
        const out = join(work, `out-${client}`)
        mkdirSync(out)
        results[client].push(get(torrent, out))
        check(path, join(out, "data"))
        rmSync(out, { recursive: true })
      }
    }
    console.log(
      `${job}: ${values.mib} MiB in ${values.files} file(s), pieces of ${values["piece-kib"]} KiB, ${values.runs} runs`,
    )
    for (const [client, runs] of Object.entries(results)) {
      if (runs.length === 0) continue
      const figures = [summary(runs, "seconds", 2), summary(runs, "cpu", 2), summary(runs, "mb", 0)]
      console.log(`  ${client.padEnd(6)} ${figures[0].text} s, CPU ${figures[1].text} s, peak ${figures[2].text} MB`)
    }
    if (values.only === undefined) {
      const ratio = summary(results.ours, "seconds", 2).median / summary(results.aria2, "seconds", 2).median
      console.log(`  ours / aria2: ${ratio.toFixed(2)}`)
    }
  }
} finally {
  for (const child of children) child.kill("SIGKILL")
  rmSync(work, { recursive: true, force: true })
}
