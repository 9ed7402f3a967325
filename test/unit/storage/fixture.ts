import { createHash } from "node:crypto"
import { type LayoutFile, TorrentLayout } from "../../../src/metainfo/layout.js"
import type { Metainfo } from "../../../src/metainfo/metainfo.js"
import type { PieceStoreOptions } from "../../../src/storage/open-store.js"
import { PieceStore } from "../../../src/storage/piece-store.js"
import { MemoryDisk } from "../../sim/lib/memory-disk.js"
import { SimHasher } from "../../sim/lib/sim-hasher.js"
import { lockOn } from "../../sim/lib/sim-lock.js"
import { SimLog } from "../../sim/lib/sim-log.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { ProcessClock, VirtualClock } from "../../sim/lib/virtual-clock.js"

export const DATASTORE = "/store"

/** Bytes in which every piece and file differs from the others. */
export function someBytes(length: number, seed: string | number = 1): Uint8Array {
  return new SimRandom(seed).bytes(length)
}

/** A dataset and its data. */
export interface Sample {
  readonly metainfo: Metainfo
  /** All files, one after the other. */
  readonly data: Uint8Array
  readonly layout: TorrentLayout
  fileData(index: number): Uint8Array
  pieceData(piece: number): Uint8Array
  /** Below the datastore. */
  pathOf(index: number): string
}

export function sample(options: {
  files: readonly { path: string; length: number; padding?: boolean }[]
  pieceLength: number
  name?: string
  kind?: "file" | "folder"
  seed?: string | number
}): Sample {
  const { name = "dataset", kind = "folder", pieceLength, seed = 1 } = options
  let offset = 0
  const files: LayoutFile[] = options.files.map(({ path, length, padding = false }) => {
    const file = { path, offset, length, padding }
    offset += length
    return file
  })
  const layout = new TorrentLayout(pieceLength, files)
  const data = someBytes(layout.length, seed)
  for (const file of files) if (file.padding) data.fill(0, file.offset, file.offset + file.length)
  const pieceData = (piece: number) =>
    data.subarray(layout.pieceOffset(piece), layout.pieceOffset(piece) + layout.pieceSize(piece))
  const pieceHashes = new Uint8Array(20 * layout.pieceCount)
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    pieceHashes.set(createHash("sha1").update(pieceData(piece)).digest(), 20 * piece)
  }
  const infoHash = new Uint8Array(createHash("sha1").update(`${name} ${pieceLength}`).update(pieceHashes).digest())
  const metainfo: Metainfo = {
    infoHash,
    version: "v1",
    infoHashV2: null,
    fileNodes: null,
    infoBytes: new Uint8Array(0),
    name,
    kind,
    layout,
    pieceHashes,
    private: false,
    trackers: [],
    webSeeds: [],
    renamed: new Map(),
    rawName: name,
    comment: null,
    createdBy: null,
    creationDate: null,
  }
  return {
    metainfo,
    data,
    layout,
    pieceData,
    fileData: (index) => data.subarray(files[index]!.offset, files[index]!.offset + files[index]!.length),
    pathOf: (index) => (kind === "file" ? `${DATASTORE}/${name}` : `${DATASTORE}/${name}/${files[index]!.path}`),
  }
}

/**
 * A tree of pieces of 1,000: `big` has three of its own, and the fourth lies in all of its files: in the end of `big`, `s1`,
 * `s2`, and the beginning of `end`.
 */
export const smallTree: Sample = sample({
  pieceLength: 1000,
  files: [
    { path: "big", length: 3500 },
    { path: "s1", length: 100 },
    { path: "s2", length: 200 },
    { path: "end", length: 2000 },
  ],
})

/** One process on one disk, under a virtual clock. */
export class World {
  readonly clock: VirtualClock
  readonly process: ProcessClock
  readonly disk: MemoryDisk
  readonly log: SimLog
  readonly platform: PieceStoreOptions["platform"]

  constructor(
    options: {
      disk?: (clock: ProcessClock) => MemoryDisk
      seed?: string | number
      freeBytes?: number
      /** In whose calendar this one goes on: files written later have later times. */
      after?: World
    } = {},
  ) {
    const random = new SimRandom(options.seed ?? "world")
    this.clock = new VirtualClock()
    if (options.after !== undefined) this.clock.jumpWall(options.after.clock.wallTime() - this.clock.wallTime())
    this.process = new ProcessClock(this.clock)
    const clock = this.process
    const { freeBytes } = options
    this.disk =
      options.disk?.(clock) ??
      new MemoryDisk({ clock, random: random.fork("disk"), ...(freeBytes === undefined ? {} : { freeBytes }) })
    this.log = new SimLog(clock)
    this.platform = {
      clock,
      random: random.fork("process"),
      disk: this.disk,
      hasher: new SimHasher(clock, random.fork("hasher"), this.disk),
      log: this.log,
      acquireLock: lockOn(this.disk),
    }
  }

  /** Kills the process; another one starts on what it left. */
  killed(seed?: string): World {
    this.process.stop()
    return this.left(seed)
  }

  /** What another process would find if this one were killed now; this one goes on. */
  left(seed = "next", sample = 0): World {
    return new World({ disk: (clock) => this.disk.fork({ clock, sample }), seed, after: this })
  }

  /** What would be found after a power cut now; this process goes on. */
  powerCut(keep: number, seed = "next", sample = 0): World {
    return new World({ disk: (clock) => this.disk.crash({ keep, clock, sample }), seed, after: this })
  }

  /** What would be found if the disk were pulled out now and plugged in again, the machine being on all the time. */
  unplugged(keep: number, seed = "next"): World {
    return new World({ disk: (clock) => this.disk.unplug({ keep, clock }), seed, after: this })
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.clock.runUntil(work)
  }

  open(of: Sample, options: Partial<PieceStoreOptions> = {}): Promise<PieceStore> {
    return this.run(this.opening(of, options))
  }

  opening(of: Sample, options: Partial<PieceStoreOptions> = {}): Promise<PieceStore> {
    const { metainfo } = of
    return PieceStore.open({ platform: this.platform, metainfo, datastore: DATASTORE, verify: "auto", ...options })
  }

  /** Everything below the dataset's place, the state folder left out. */
  dataPaths(): string[] {
    return this.disk.filePaths().filter((path) => !path.includes("/.academictorrents/"))
  }
}

/** Fetches what is wanted and missing, several pieces at a time. */
export async function fill(store: PieceStore, of: Sample, options: { pieces?: Iterable<number> } = {}): Promise<void> {
  const missing = [...(options.pieces ?? store.wanted)].filter((piece) => !store.have.has(piece))
  const lane = async (): Promise<void> => {
    for (let piece = missing.shift(); piece !== undefined; piece = missing.shift()) {
      const outcome = await commit(store, of, piece)
      if (outcome.kind === "failed") throw outcome.error
      if (outcome.kind === "corrupt") throw new Error(`piece ${piece} is corrupt`)
    }
  }
  await Promise.all([lane(), lane(), lane()])
}

export async function commit(store: PieceStore, of: Sample, piece: number, data = of.pieceData(piece)) {
  const slot = store.slots.acquire()!
  slot.bytes.set(data)
  const outcome = await store.commit(piece, slot)
  // Whoever gets the slot next fills it at once.
  slot.bytes.fill(0xee)
  store.slots.release(slot)
  return outcome
}

/** Pieces that the store claims and whose bytes it does not read back right. */
export async function wrongClaims(store: PieceStore, of: Sample): Promise<number[]> {
  const wrong: number[] = []
  for (const piece of store.have) {
    const into = new Uint8Array(of.layout.pieceSize(piece))
    const read = await store.read(piece, 0, into).then(
      () => true,
      () => false,
    )
    if (!read || !into.every((byte, i) => byte === of.pieceData(piece)[i])) wrong.push(piece)
  }
  return wrong
}
