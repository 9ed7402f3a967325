import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type BencodableDictionary, encode, Raw, spans } from "../../../testbed/bencode.js"
import type { Netns } from "../netns.js"
import { freePort, isListening } from "../ports.js"
import { findProgram, Program, type ProgramOptions } from "../program.js"

export interface Address {
  host: string
  port: number
}

interface Job {
  /** The address it listens on; 127.0.0.1 when absent. */
  host?: string
  /** A free one when absent. */
  port?: number
  /** Where it announces; its torrent's own trackers are left out. */
  tracker?: string
  /** Another one, in a tier of its own (BEP 12); of .torrent files alone. */
  secondTracker?: string
  /** Runs inside this namespace. */
  netns?: Netns
  encryption?: "off" | "allowed" | "required"
  /** Speaks uTP besides TCP. */
  utp?: boolean
  /** The node at which it enters the DHT, which is off otherwise. */
  dht?: Address | undefined
  /** Nodes that it remembers, as from an earlier run; of Transmission alone. */
  dhtNodes?: readonly Address[] | undefined
  /** Local discovery is on, which is off otherwise. */
  lsd?: boolean | undefined
  /** Peer exchange is on, which is off otherwise; libtorrent's is always on. */
  pex?: boolean | undefined
  /** Who has it. Programs that can't be told are given a tracker that names just these. */
  peers?: readonly Address[]
  maxSeconds?: number
}

export interface SeedJob extends Job {
  torrentPath: string
  /** The folder that holds the torrent's file or folder. */
  dataDir: string
  /** Bytes a second that it fetches at most; of libtorrent alone. */
  downloadRate?: number
  /** Some of the data is wrong or missing: what is right is given, and the rest fetched. It listens, at least, when it is started. */
  partial?: boolean
  /** Nothing of the data is there, and it fetches none: it knows others, and has nothing to give. */
  idle?: boolean
}

export interface DownloadJob extends Job {
  torrentPath: string
  /** The torrent's file or folder appears in it. */
  outDir: string
  /** A part of it is there, and is to be kept. */
  resume?: boolean
  /** Keep the torrent's `url-list`; it is left out otherwise. */
  webSeeds?: boolean
  /** It is given a magnet link with the v1 infohash alone, or with that of v2: the metadata must come from the peers. */
  magnet?: boolean | "v2" | undefined
}

/** A partner at work. */
export interface Running extends Address {
  readonly program: Program
  stop(): Promise<void>
}

/** Another BitTorrent client, driven without a person. */
export interface Partner {
  readonly name: string
  /** What is missing on this machine, or undefined. */
  missing(): string | undefined
  /** Resolves when it has checked its data and listens. */
  seed(job: SeedJob): Promise<Running>
  /** Resolves when it is complete, by its own account, and has ended. */
  download(job: DownloadJob): Promise<void>
}

export const PYTHON = "/usr/bin/python3"

/** The message for a program that is not there. */
export function needsProgram(program: string, debianPackage: string): string | undefined {
  return findProgram(program) === undefined ? `${program} (apt-get install ${debianPackage})` : undefined
}

/** The same for a module of the system's own Python: another one in PATH would not find Debian's modules. */
export function needsPython(module: string, debianPackage: string): string | undefined {
  const works = spawnSync(PYTHON, ["-c", `import ${module}`]).status === 0
  return works ? undefined : `${PYTHON} with ${module} (apt-get install ${debianPackage})`
}

/** A folder of its own, a port and a torrent with the right tracker: what every driver starts from. */
export class Bench {
  readonly folder: string
  readonly host: string
  readonly port: number
  readonly job: SeedJob | DownloadJob
  readonly #started: Program[] = []

  private constructor(job: SeedJob | DownloadJob, folder: string, port: number) {
    this.job = job
    this.folder = folder
    this.host = job.host ?? "127.0.0.1"
    this.port = port
  }

  static async open(job: SeedJob | DownloadJob): Promise<Bench> {
    const folder = await mkdtemp(join(tmpdir(), "partner-"))
    return new Bench(job, folder, job.port ?? (await freePort()))
  }

  /** The most seconds a download may take. */
  get seconds(): number {
    return this.job.maxSeconds ?? 120
  }

  /** Starts a program inside the job's namespace; it is stopped with the bench. */
  start(command: string, args: readonly string[], options: ProgramOptions = {}): Program {
    const program = new Program(command, args, {
      cwd: this.folder,
      maxSeconds: this.seconds + 30,
      ...(this.job.netns === undefined ? {} : { through: this.job.netns.enter }),
      ...options,
    })
    this.#started.push(program)
    return program
  }

  /** Starts a script in the system's Python, which connects to the job's peers itself, with options of its `own` besides the job's. */
  async startPython(script: string, own: Readonly<Record<string, unknown>>): Promise<Program> {
    const { peers = [], encryption = "allowed", lsd = false, pex = false, dht } = this.job
    const options = {
      torrent: await this.target({ peerTracker: false }),
      host: this.host,
      port: this.port,
      peers: peers.map((peer) => [peer.host, peer.port]),
      encryption,
      lsd,
      pex,
      dht: dht === undefined ? null : [dht.host, dht.port],
      ...own,
    }
    return this.start(PYTHON, [fileURLToPath(new URL(script, import.meta.url)), JSON.stringify(options)])
  }

  /** A script for programs that run one at completion, and the file that is there from then on. */
  async completion(): Promise<{ readonly script: string; readonly isReached: () => boolean }> {
    const mark = join(this.folder, "complete")
    const script = join(this.folder, "complete.sh")
    await writeFile(script, `#!/bin/sh\n: > ${mark}\n`)
    await chmod(script, 0o755)
    return { script, isReached: () => existsSync(mark) }
  }

  /** A copy of the torrent that names one tracker: the job's own, or one that knows the job's peers, or a dead one. */
  async torrent({ peerTracker = true } = {}): Promise<string> {
    const fields = spans(await readFile(this.job.torrentPath))
    const webSeeds = "webSeeds" in this.job && this.job.webSeeds === true ? fields.get("url-list") : undefined
    const pieceLayers = fields.get("piece layers")
    const { tracker, secondTracker } = this.job
    // Some programs refuse a torrent without any tracker.
    const announce = tracker ?? (peerTracker ? await this.#peerTracker() : undefined) ?? "http://127.0.0.1:9/announce"
    const outer: BencodableDictionary = {
      announce,
      "announce-list": secondTracker === undefined ? undefined : [[announce], [secondTracker]],
      info: new Raw(fields.get("info")!),
      "piece layers": pieceLayers && new Raw(pieceLayers),
      "url-list": webSeeds === undefined ? undefined : new Raw(webSeeds),
    }
    const path = join(this.folder, "job.torrent")
    await writeFile(path, encode(outer))
    return path
  }

  /** What the program is given: the torrent, or a magnet link when the job says so. */
  async target({ peerTracker = true } = {}): Promise<string> {
    const kind = "magnet" in this.job ? this.job.magnet : false
    if (kind === false || kind === undefined) return this.torrent({ peerTracker })
    const info = spans(await readFile(this.job.torrentPath)).get("info")!
    const tracker = this.job.tracker ?? (peerTracker ? await this.#peerTracker() : undefined)
    // A multihash begins with what the digest is, and its length.
    const topic = kind === "v2" ? `btmh:1220${digestOf("sha256", info)}` : `btih:${digestOf("sha1", info)}`
    return `magnet:?xt=urn:${topic}${tracker === undefined ? "" : `&tr=${encodeURIComponent(tracker)}`}`
  }

  /** Waits until the program, which can't say so, listens. */
  async listening(program: Program): Promise<void> {
    const { netns } = this.job
    await program.poll("listening", () => isListening(this.port, netns?.pid))
  }

  running(program: Program): Running {
    return { host: this.host, port: this.port, program, stop: () => this.close() }
  }

  async close(): Promise<void> {
    await Promise.all(this.#started.map((program) => program.stop()))
    await rm(this.folder, { recursive: true, force: true })
  }

  async #peerTracker(): Promise<string | undefined> {
    const { peers } = this.job
    if (peers === undefined) return undefined
    const script = fileURLToPath(new URL("./peer-tracker.mjs", import.meta.url))
    const program = this.start(process.execPath, [
      script,
      this.host,
      ...peers.map((peer) => `${peer.host}:${peer.port}`),
    ])
    const match = await program.until(/(http:\S+)\n/, 20)
    return match[1]
  }
}

/** Runs a job on a bench of its own that is cleared whatever happens. */
export async function withBench<T>(job: SeedJob | DownloadJob, work: (bench: Bench) => Promise<T>): Promise<T> {
  const bench = await Bench.open(job)
  try {
    return await work(bench)
  } finally {
    await bench.close()
  }
}

/** The same for what goes on after the call: the bench is cleared only when the start fails. */
export async function keepBench(job: SeedJob, start: (bench: Bench) => Promise<Program>): Promise<Running> {
  const bench = await Bench.open(job)
  try {
    return bench.running(await start(bench))
  } catch (error) {
    await bench.close()
    throw error
  }
}

function digestOf(algorithm: "sha1" | "sha256", data: Uint8Array): string {
  return createHash(algorithm).update(data).digest("hex")
}
