import { type LayoutFile, TorrentLayout } from "../../src/metainfo/layout.js"
import type { Metainfo } from "../../src/metainfo/metainfo.js"
import type { Log } from "../../src/ports/log.js"
import { RangeSession } from "../../src/webseed/range-session.js"
import type { WebSeedFault } from "../../src/webseed/run-listener.js"
import { WebSeed } from "../../src/webseed/web-seed.js"
import { SimRandom } from "../sim/lib/sim-random.js"
import { VirtualClock } from "../sim/lib/virtual-clock.js"
import { concat } from "./bytes.js"
import { type Answer, ScriptedHttp, type SeenRequest } from "./scripted-http.js"

export interface BenchFile {
  length: number
  path?: string
  padding?: boolean
}

/** A torrent of such files, in a folder named "data set", or of one file. */
export function metainfoOf(kind: "file" | "folder", lengths: readonly BenchFile[], pieceLength = 16384): Metainfo {
  let offset = 0
  const files: LayoutFile[] = lengths.map(({ length, path, padding = false }, index) => {
    const file = { path: path ?? `f${index}`, offset, length, padding }
    offset += length
    return file
  })
  return {
    infoHash: new Uint8Array(20),
    version: "v1",
    infoHashV2: null,
    fileNodes: null,
    infoBytes: new Uint8Array(),
    name: "data set",
    kind,
    layout: new TorrentLayout(pieceLength, files),
    pieceHashes: new Uint8Array(),
    private: false,
    trackers: [],
    webSeeds: [],
    renamed: new Map(),
    rawName: kind === "file" ? files[0]!.path : "data set",
    comment: null,
    createdBy: null,
    creationDate: null,
  }
}

/** The torrent's bytes: never zero, but in padding files. */
export function contentOf({ layout }: Metainfo): Uint8Array {
  const content = new Uint8Array(layout.length)
  for (const file of layout.files) {
    if (file.padding) continue
    for (let i = file.offset; i < file.offset + file.length; i++) content[i] = 1 + ((i * 31 + (i >> 8)) % 255)
  }
  return content
}

export interface BenchOptions {
  kind?: "file" | "folder"
  files?: readonly BenchFile[]
  pieceLength?: number
  url?: string
  /** What the server does; a faultless one when absent, or where it returns undefined. */
  answer?: (request: SeenRequest, count: number, bench: WebSeedBench) => Answer | undefined
}

/** One run as it was taken. */
export interface Taken {
  readonly session: RangeSession
  readonly bytes: () => Uint8Array
  readonly outcome: () => "open" | "done" | WebSeedFault
}

/** A web seed, its server, and whatever happened, under a clock of its own. */
export class WebSeedBench {
  readonly clock = new VirtualClock()
  readonly metainfo: Metainfo
  readonly content: Uint8Array
  readonly log: string[] = []
  readonly seed: WebSeed
  readonly http: ScriptedHttp

  constructor({ kind = "file", files = [{ length: 100_000 }], pieceLength, url, answer }: BenchOptions = {}) {
    this.metainfo = metainfoOf(kind, files, pieceLength)
    this.content = contentOf(this.metainfo)
    const log: Log = { log: (_level, _scope, message) => this.log.push(message) }
    this.seed = new WebSeed({
      url: url ?? (kind === "file" ? "http://server.example/f0" : "http://server.example/pub/"),
      metainfo: this.metainfo,
      clock: this.clock,
      random: new SimRandom(1),
      log,
    })
    this.http = new ScriptedHttp(
      this.clock,
      (request, count) => answer?.(request, count, this) ?? this.partial(request),
    )
  }

  /** The bytes of the file that a request names. */
  file(request: SeenRequest): Uint8Array {
    const { files } = this.metainfo.layout
    const index = files.findIndex((_, at) => this.seed.urlOf(at) === request.url)
    const file = files[index]!
    return this.content.subarray(file.offset, file.offset + file.length)
  }

  /** What a faultless server answers; or with other headers, or for another range. */
  partial(request: SeenRequest, headers: Record<string, string> = {}, from = request.from, to = request.to): Answer {
    const file = this.file(request)
    const body = file.slice(from, to)
    const range = `bytes ${from}-${to - 1}/${file.length}`
    return {
      status: 206,
      headers: { "content-range": range, "content-length": String(body.length), ...headers },
      body,
      chunk: () => 16_000,
    }
  }

  /** What a server without ranges answers. */
  whole(request: SeenRequest, headers: Record<string, string> = {}): Answer {
    const body = this.file(request).slice()
    return { status: 200, headers: { "content-length": String(body.length), ...headers }, body, chunk: () => 16_000 }
  }

  /** True when what was taken is the torrent's bytes `from` up to, not including, `to`. */
  brought(taken: Taken, from = 0, to = this.content.length): boolean {
    return Buffer.compare(taken.bytes(), this.content.subarray(from, to)) === 0
  }

  /** Starts a run. `onBytes` is called with each chunk. */
  start(
    offset = 0,
    end = this.metainfo.layout.length,
    onBytes: (chunk: Uint8Array, session: RangeSession) => void = () => {},
  ): Taken {
    const chunks: Uint8Array[] = []
    let outcome: "open" | "done" | WebSeedFault = "open"
    const finish = (how: "done" | WebSeedFault): void => {
      if (outcome !== "open") throw new Error(`ended twice: ${JSON.stringify(outcome)}, ${JSON.stringify(how)}`)
      outcome = how
    }
    const session: RangeSession = new RangeSession({
      seed: this.seed,
      http: this.http,
      clock: this.clock,
      offset,
      end,
      listener: {
        onBytes: (chunk) => {
          if (outcome !== "open") throw new Error("bytes after the end")
          chunks.push(chunk.slice())
          onBytes(chunk, session)
        },
        onDone: () => finish("done"),
        onFault: finish,
      },
    })
    session.start()
    return { session, bytes: () => concat(chunks), outcome: () => outcome }
  }

  /** Runs to the end, whatever it is. */
  async run(offset?: number, end?: number): Promise<Taken> {
    const taken = this.start(offset, end)
    await this.clock.runUntil(() => taken.outcome() !== "open", 3_600_000)
    return taken
  }

  /** Milliseconds the source still waits; NaN when it does not. */
  get wait(): number {
    const { state } = this.seed
    return state.kind === "waiting" ? state.until - this.clock.now() : Number.NaN
  }

  /** Lets the source's wait pass. */
  async waitOver(): Promise<void> {
    if (this.seed.state.kind === "waiting") await this.clock.run(this.wait + 1)
    this.seed.releaseRefused()
  }
}
