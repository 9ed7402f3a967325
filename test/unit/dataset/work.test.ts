import { describe, expect, it } from "vitest"
// What is loaded when it is needed: the virtual clock does not wait for files.
import "../../../src/storage/open-unwritable.js"
import { Site } from "../../../src/catalog/site.js"
import type { Hearer } from "../../../src/dataset/bad-pieces.js"
import type { Options } from "../../../src/dataset/options.js"
import { ProgressFeed } from "../../../src/dataset/progress-feed.js"
import { SessionSource } from "../../../src/dataset/session-source.js"
import { TorrentCache } from "../../../src/dataset/torrent-cache.js"
import { Turns } from "../../../src/dataset/turns.js"
import { Work } from "../../../src/dataset/work.js"
import { stateDirectory } from "../../../src/storage/state-directory.js"
import { type VerifyOptions, verifyData } from "../../../src/storage/verify.js"
import type { ProgressSnapshot } from "../../../src/torrent/statistics/progress.js"
import { type FileFault, serveFiles } from "../../sim/lib/serve-files.js"
import { serveTracker } from "../../sim/lib/serve-tracker.js"
import { putDataset, simDataset, wrongFiles } from "../../sim/lib/sim-dataset.js"
import { startNode } from "../../sim/lib/sim-node.js"
import { createSimulation } from "../../sim/lib/simulation.js"

const KiB = 1024
const LIMIT = 600_000
const LENGTHS = { "a.bin": 300 * KiB, "b.bin": 500 * KiB, "c.bin": 200 * KiB, "empty.txt": 0 }

const TRACKER = "10.0.2.1"
const LEECHER = { host: "10.0.3.1", port: 6881 }

const SITE = "10.0.4.1"

interface World {
  /** Of the web seed, bytes a second. */
  readonly up?: number
  readonly trackers?: readonly string[]
  /** The web seed's, which is at 10.0.1.1. */
  readonly origin?: string
  /** What is known of the torrent is older than its trackers and its web seed. */
  readonly outdated?: boolean
  readonly offline?: boolean
}

function stage(
  options: Options = {},
  { up = 1000 * KiB, trackers = [], outdated = false, offline = false, origin = "http://10.0.1.1" }: World = {},
) {
  const simulation = createSimulation({ seed: 7 })
  const dataset = simDataset(LENGTHS, {
    pieceLength: 32 * KiB,
    webSeeds: [`${origin}/`],
    trackers: trackers.map((host) => [`http://${host}/announce`]),
  })
  simulation.machine("10.0.1.1", { up, latency: 20 })
  const server: { fault: FileFault | undefined } = { fault: undefined }
  const paths = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
  simulation.web.serve(origin, serveFiles(paths, { fault: () => server.fault }), { address: "10.0.1.1" })
  const platform = simulation.platform("10.0.0.1")
  const turns = new Turns((path) => Promise.resolve(path))
  const { metainfo, torrentBytes } = dataset
  simulation.machine(SITE)
  const site = simulation.web.serve(`http://${SITE}`, () => ({ status: 200, body: torrentBytes }))
  const use = (options: Options, passing: boolean) => {
    const closing = new AbortController()
    const feed = new ProgressFeed(platform.clock, options.onProgress)
    const work = new Work(
      {
        platform,
        options: { port: 6881, dht: false, signal: closing.signal, ...options },
        resolved: {
          metainfo: outdated ? { ...metainfo, trackers: [], webSeeds: [] } : metainfo,
          torrentBytes,
          hints: { trackers: [], webSeeds: [], peers: [] },
          selectOnly: null,
          kept: outdated,
          stale: outdated,
        },
        context: {
          platform,
          site: new Site(`http://${SITE}`),
          cache: new TorrentCache({ platform, directory: "/cache", datastore: "/store" }),
          offline,
        },
        sessions: new SessionSource(platform, { port: 6881, dht: false, ...options }),
        datastore: "/store",
        turns,
      },
      feed,
      passing,
    )
    return { work, feed, closing }
  }
  const { work, feed, closing } = use(options, false)
  const index = (path: string): number => metainfo.layout.files.findIndex((file) => file.path === path)
  const only = (...names: string[]): Set<number> => new Set(names.map(index))
  const all = (): Set<number> => new Set(metainfo.layout.files.keys())
  const until = <T>(promise: Promise<T>): Promise<T> => simulation.runUntil(promise, LIMIT)
  const wrong = (): string[] => wrongFiles(platform, dataset).map((path) => path.slice("data/".length))
  const close = (): Promise<void> => {
    closing.abort()
    feed.end()
    return until(work.close())
  }
  const place = (path: string): number => metainfo.layout.files[index(path)]!.offset
  return {
    simulation,
    dataset,
    platform,
    server,
    site,
    use,
    feed,
    work,
    only,
    all,
    until,
    wrong,
    close,
    closing,
    place,
  }
}

async function collect(feed: ProgressFeed, into: ProgressSnapshot[] = []): Promise<ProgressSnapshot[]> {
  for await (const progress of feed.iterate()) into.push(progress)
  return into
}

describe("stats", () => {
  it("stay when the work is over, and are 0 when nothing had to be fetched", async () => {
    const first = stage()
    await first.until(first.work.download(first.all()))
    expect(first.work.stats.received.fromWebSeeds).toBeGreaterThanOrEqual(1000 * KiB)
    await first.close()
    const { elapsed, received, wasted, commits } = first.work.stats
    expect(received.total - wasted.total).toBe(1000 * KiB)
    expect(commits.hash.bytes + commits.store.bytes).toBe(1000 * KiB)
    await first.simulation.run(10_000)
    expect(first.work.stats.elapsed).toBe(elapsed)

    const second = stage()
    putDataset(second.platform, second.dataset)
    await second.until(second.work.download(second.all()))
    expect(second.work.stats).toMatchObject({ elapsed: 0, received: { total: 0 }, waits: { total: 0 } })
    await second.close()
  })
})

describe("a download after a check", () => {
  type Stage = ReturnType<typeof stage>

  async function complete(files: "all" | "a.bin" = "all"): Promise<Stage> {
    const s = stage()
    await s.until(s.work.download(files === "all" ? s.all() : s.only(files)))
    await s.close()
    return s
  }

  const check = async (
    { until, platform, dataset }: Stage,
    parts: Partial<Hearer> & Pick<VerifyOptions, "takeLock">,
    selected?: ReadonlySet<number>,
  ) => {
    const common = { platform, metainfo: dataset.metainfo, datastore: "/store" }
    const report = await until(verifyData({ ...common, selected, ...parts }))
    await until(Promise.resolve(parts.onEnd?.()))
    return report
  }

  const lockOf = ({ until, platform, dataset }: Stage) =>
    until(platform.acquireLock(`${stateDirectory("/store", dataset.metainfo.infoHash)}/lock`))

  it.each(["the journal", "we"])(
    "repairs what was found damaged, and hashes nothing else once more, when %s alone was told",
    async (told) => {
      const s = await complete()
      s.platform.disk.flipByte("/store/data/a.bin", 5)
      const again = s.use({}, false)
      const { takeLock, onBad } = again.work.forCheck()
      const report = await check(s, told === "we" ? { onBad } : { takeLock })
      expect(report.badPieces).toEqual([{ first: 0, count: 1 }])
      const before = s.platform.disk.operations.length
      await s.until(again.work.download(s.all()))
      const reads = s.platform.disk.operations
        .slice(before)
        .filter(({ kind, path }) => kind === "read" && path.includes("/data/"))
      expect(reads.length).toBeLessThanOrEqual(1)
      expect(again.work.fetchedBytes).toBe(32 * KiB)
      expect(s.wrong()).toEqual([])
    },
  )

  it("fetches what could not be read, and what edges/ lack of a piece", async () => {
    const unreadable = await complete()
    unreadable.platform.disk.failAt(
      ({ kind, path, position = 0 }) => kind === "read" && path.endsWith("/a.bin") && position === 0,
      "io",
      "forever",
    )
    const short = await complete("a.bin")
    const edge = short.platform.disk.filePaths().find((path) => path.includes("/edges/"))!
    short.platform.disk.putFile(edge, short.platform.disk.readFile(edge)!.slice(0, -100))
    for (const [s, files, alsoLater] of [
      [unreadable, unreadable.all(), false],
      [short, short.only("a.bin"), true],
    ] as const) {
      const again = s.use({}, false)
      expect((await check(s, again.work.forCheck(), files)).complete).toBe(false)
      await s.until(again.work.download(files))
      expect(again.work.fetchedBytes).toBe(32 * KiB)
      if (alsoLater) expect((await check(s, again.work.forCheck(), files)).complete).toBe(true)
    }
  })

  it("brings back a file that is gone, and the end of one that was cut short, while the dataset is open", async () => {
    const s = stage()
    await s.until(s.work.download(s.all()))
    const before = s.work.fetchedBytes
    await s.until(s.platform.disk.remove("/store/data/a.bin"))
    const handle = await s.until(s.platform.disk.open("/store/data/c.bin", "write"))
    await s.until(handle.truncate(100 * KiB))
    await s.until(handle.close())
    expect((await check(s, s.work.forCheck())).complete).toBe(false)
    await s.until(s.work.download(s.all()))
    expect(s.wrong()).toEqual([])
    // All of the one and half of the other, in pieces of 32 KiB.
    expect(s.work.fetchedBytes - before).toBeLessThanOrEqual((300 + 100 + 2 * 32) * KiB)
  })

  it("fetches nothing because a file could not be opened for a moment", async () => {
    const s = stage()
    await s.until(s.work.download(s.all()))
    const failing = { now: true }
    s.platform.disk.failAt(
      ({ kind, path }) => failing.now && kind === "open" && path.endsWith("/b.bin"),
      "io",
      "forever",
    )
    const before = s.work.fetchedBytes
    expect((await check(s, s.work.forCheck())).complete).toBe(false)
    failing.now = false
    await s.until(s.work.download(s.all()))
    expect(s.work.fetchedBytes).toBe(before)
    await s.close()
    const again = s.use({}, false)
    failing.now = true
    await check(s, again.work.forCheck())
    failing.now = false
    await s.until(again.work.download(s.all()))
    expect(again.work.fetchedBytes).toBe(0)
  })

  it("repairs it also when another process had the lock until then", async () => {
    for (const wait of [true, false]) {
      const s = await complete()
      const lock = await lockOf(s)
      s.platform.disk.flipByte("/store/data/a.bin", 5)
      const again = s.use({ wait }, false)
      await check(s, again.work.forCheck())
      const first = again.work.download(s.all()).catch((error: unknown) => error)
      await s.simulation.run(5_000)
      await s.until(lock.release())
      if (!wait) expect(await s.until(first)).toMatchObject({ code: "AT_LOCKED" })
      await s.until(wait ? first : again.work.download(s.all()))
      expect(s.wrong()).toEqual([])
    }
  })

  it("repairs what was found while all was only read", async () => {
    const s = await complete()
    const lock = await lockOf(s)
    s.platform.disk.flipByte("/store/data/a.bin", 5)
    const again = s.use({}, false)
    await s.until(again.work.read(400 * KiB, 10, undefined))
    await check(s, again.work.forCheck())
    await expect(s.until(again.work.download(s.all()))).rejects.toMatchObject({ code: "AT_LOCKED" })
    await s.until(lock.release())
    await s.until(again.work.download(s.all()))
    expect(s.wrong()).toEqual([])
  })

  it("repairs what a check finds that began before another download", async () => {
    const s = await complete()
    s.platform.disk.flipByte("/store/data/a.bin", 5)
    const again = s.use({}, false)
    const parts = again.work.forCheck()
    await s.until(again.work.download(s.all()))
    expect((await check(s, parts)).badPieces).toEqual([{ first: 0, count: 1 }])
    await s.until(again.work.download(s.all()))
    expect(s.wrong()).toEqual([])
  })

  it.each([0, 1, 2, 3, 5])("repairs what a check finds that began %d ms before", async (delay) => {
    const s = await complete()
    s.platform.disk.flipByte("/store/data/a.bin", 5)
    const again = s.use({}, false)
    const { platform, dataset } = s
    const common = { platform, metainfo: dataset.metainfo, datastore: "/store" }
    const checking = verifyData({ ...common, ...again.work.forCheck() })
    await s.simulation.run(delay)
    await s.until(Promise.all([checking, again.work.download(s.all())]))
    again.closing.abort()
    await s.until(again.work.close())
    const last = s.use({}, false)
    await s.until(last.work.download(s.all()))
    expect(s.wrong()).toEqual([])
  })
})

describe("downloads of one dataset", () => {
  it("at the same time bring each its own files", async () => {
    const { work, only, until, wrong, close } = stage()
    await until(Promise.all([work.download(only("a.bin")), work.download(only("b.bin", "empty.txt"))]))
    expect(wrong()).toEqual(["c.bin"])
    await close()
  })

  it("end when their own files are there, not before, and need not wait for others'", async () => {
    const totals: number[] = []
    const onProgress = ({ totalBytes }: ProgressSnapshot): unknown => totals.push(totalBytes)
    const { simulation, work, only, until, wrong, close } = stage({ onProgress }, { up: 100 * KiB })
    const first = work.download(only("a.bin"))
    await simulation.run(100)
    const second = work.download(only("b.bin"))
    await simulation.run(500)
    // Both lie in pieces 0 to 24.
    expect(totals.at(-1)).toBe(800 * KiB)
    let secondIsOver = false
    void second.then(() => {
      secondIsOver = true
    })
    await until(first)
    expect(wrong()).not.toContain("a.bin")
    await until(second)
    expect(wrong()).toEqual(["c.bin", "empty.txt"])
    expect(secondIsOver).toBe(true)
    await close()
  })

  it("bring everything also when a read came first", async () => {
    const { work, all, until, wrong, close, place, dataset } = stage()
    const reading = work.read(place("c.bin"), 100, undefined)
    const downloading = work.download(all())
    const [bytes] = await until(Promise.all([reading, downloading]))
    expect(bytes).toEqual(dataset.files.get("data/c.bin")?.slice(0, 100))
    expect(wrong()).toEqual([])
    await close()
  })

  it("end with `sync` only when all is on the disk itself", async () => {
    const { work, all, until, close, platform, dataset } = stage({ sync: true })
    await until(work.download(all()))
    expect(wrongFiles({ ...platform, disk: platform.disk.crash({ keep: 0 }) }, dataset)).toEqual([])
    await close()
  })

  it("start afresh after a full disk was freed", async () => {
    const { work, all, until, wrong, close, platform } = stage()
    let full = true
    platform.disk.failAt(
      (operation) => full && operation.kind === "write" && operation.path.includes("/data/"),
      "full",
      "forever",
    )
    await expect(until(work.download(all()))).rejects.toMatchObject({ code: "AT_DISK_FULL" })
    full = false
    await until(work.download(all()))
    expect(wrong()).toEqual([])
    await close()
  })

  it("start afresh after the dataset could not be opened", async () => {
    const { work, all, until, wrong, close, platform } = stage()
    platform.disk.forbid("/store", "permission")
    await expect(until(work.download(all()))).rejects.toMatchObject({ code: expect.stringMatching(/^AT_DISK/) })
    platform.disk.allow("/store")
    await until(work.download(all()))
    expect(wrong()).toEqual([])
    await close()
  })

  it("that stall end their transfers and let go of the dataset; a further call goes on", async () => {
    const { work, all, until, wrong, close, server, simulation } = stage({ timeout: 5_000 })
    server.fault = "silence"
    await expect(until(work.download(all()))).rejects.toMatchObject({ code: "AT_STALLED" })
    await simulation.run(1_000)
    expect(work.port).toBeUndefined()
    server.fault = undefined
    await until(work.download(all()))
    expect(wrong()).toEqual([])
    await close()
  })
})

describe("a web seed whose public name leads to a private address", () => {
  const origin = "http://data.lab.example"

  it("gives all where the user names it", async () => {
    const { work, all, until, close, wrong } = stage({ urls: [`${origin}/`] }, { origin })
    await until(work.download(all()))
    expect(wrong()).toEqual([])
    await close()
  })

  it("is not asked where the torrent alone does, which is said with what to do", async () => {
    const { work, all, until, close } = stage({ lsd: false }, { origin })
    await expect(until(work.download(all()))).rejects.toMatchObject({
      code: "AT_NO_SOURCES",
      message: expect.stringContaining("data.lab.example leads to"),
      hint: expect.stringContaining("`urls`"),
    })
    await close()
  })
})

describe("a long download", () => {
  const finished = "/store/data/a.bin"
  type Disk = ReturnType<typeof stage>["platform"]["disk"]

  async function overwrite(disk: Disk): Promise<void> {
    const handle = await disk.open(finished, "write")
    await handle.write([new Uint8Array(100)], 40_000)
    await handle.close()
  }

  it.each([
    ["removed", (disk: Disk) => disk.remove(finished)],
    ["changed", overwrite],
  ])("brings back what was %s of a finished file before the end", async (_, change) => {
    const { simulation, platform, work, all, until, wrong, close } = stage({}, { up: 100 * KiB })
    const downloading = work.download(all())
    await simulation.run(6_000)
    expect(wrong()).not.toContain("a.bin")
    await until(change(platform.disk))
    await until(downloading)
    expect(wrong()).toEqual([])
    await close()
  })

  it("names a file that took the place of a finished one, and leaves it alone", async () => {
    const { simulation, platform, work, all, until, close } = stage({}, { up: 100 * KiB })
    const downloading = work.download(all()).catch((error: unknown) => error)
    await simulation.run(6_000)
    const notes = new Uint8Array(LENGTHS["a.bin"]).fill(7)
    platform.disk.putFile(finished, notes)
    expect(await until(downloading)).toMatchObject({ code: "AT_EXISTS", message: expect.stringContaining(finished) })
    expect(platform.disk.readFile(finished)).toEqual(notes)
    await close()
  })

  it("fetches nothing again of a finished file whose copy took its place", async () => {
    const { simulation, platform, dataset, work, all, until, wrong, close } = stage({}, { up: 100 * KiB })
    const downloading = work.download(all())
    await simulation.run(6_000)
    platform.disk.putFile(finished, dataset.files.get("data/a.bin")!.slice())
    await until(downloading)
    expect(wrong()).toEqual([])
    expect(work.fetchedBytes).toBe(1000 * KiB)
    await close()
  })
})

describe("a download that is stopped by itself", () => {
  const stopped = { code: "AT_ABORTED" }

  it("ends its transfers and lets go of the dataset; a further one goes on from there", async () => {
    const { work, all, until, wrong, close, simulation } = stage({}, { up: 100 * KiB })
    const stop = new AbortController()
    const downloading = work.download(all(), stop.signal)
    downloading.catch(() => {})
    await simulation.run(5_000)
    stop.abort()
    await expect(until(downloading)).rejects.toMatchObject(stopped)
    await simulation.run(10_000)
    expect(work.port).toBeUndefined()
    const before = work.fetchedBytes
    expect(before).toBeGreaterThan(200 * KiB)
    await until(work.download(all()))
    expect(wrong()).toEqual([])
    // But for the pieces that were not full yet.
    expect(work.fetchedBytes).toBeLessThan(1000 * KiB + before / 2)
    await close()
  })

  it("leaves the others at work, and nothing is fetched of what it alone wanted", async () => {
    const { work, only, until, wrong, close, simulation } = stage({}, { up: 100 * KiB })
    const stop = new AbortController()
    const first = work.download(only("a.bin"))
    const second = work.download(only("b.bin", "c.bin"), stop.signal)
    second.catch(() => {})
    await simulation.run(500)
    stop.abort()
    await expect(until(second)).rejects.toMatchObject(stopped)
    await until(first)
    await simulation.run(60_000)
    expect(wrong()).toEqual(["b.bin", "c.bin", "empty.txt"])
    expect(work.fetchedBytes).toBeLessThan(500 * KiB)
    await close()
  })

  it("ends the check of what is on disk, unless another needs it, too", async () => {
    const { work, all, only, until, close, simulation, platform, dataset } = stage()
    putDataset(platform, dataset)
    const reads = () => platform.disk.operations.filter(({ kind, path }) => kind === "read" && path.includes("/data/"))
    const begin = () => {
      const stop = new AbortController()
      const downloading = work.download(all(), stop.signal)
      downloading.catch(() => {})
      return { downloading, stop }
    }
    const first = begin()
    await simulation.run(2)
    first.stop.abort()
    await expect(until(first.downloading)).rejects.toMatchObject(stopped)
    await simulation.run(60_000)
    const few = reads().length
    const second = begin()
    const other = work.download(only("a.bin"))
    await simulation.run(2)
    second.stop.abort()
    await expect(until(second.downloading)).rejects.toMatchObject(stopped)
    await until(other)
    expect(few).toBeLessThan(reads().length - few)
    expect(work.fetchedBytes).toBe(0)
    await close()
  })

  it.each([0, 1, 2, 5, 20])("after %d ms is not in the way of one that begins at that moment", async (ms) => {
    const { work, all, until, wrong, close, simulation } = stage()
    const stop = new AbortController()
    const first = work.download(all(), stop.signal)
    first.catch(() => {})
    await simulation.run(ms)
    stop.abort()
    const second = work.download(all())
    await expect(until(first)).rejects.toMatchObject(stopped)
    await until(second)
    expect(wrong()).toEqual([])
    await close()
  })
})

describe("a read", () => {
  it("of what was damaged on disk since it was verified fetches it again", async () => {
    const { work, only, until, close, platform, dataset, place } = stage()
    putDataset(platform, dataset)
    await until(work.download(only("b.bin")))
    expect(work.port).toBeUndefined()
    const handle = await until(platform.disk.open("/store/data/b.bin", "write"))
    await until(handle.write([new Uint8Array(100 * KiB)], 0))
    await until(handle.close())
    const bytes = await until(work.read(place("b.bin"), 10, undefined))
    expect(bytes).toEqual(dataset.files.get("data/b.bin")?.slice(0, 10))
    await close()
  })

  it("of what is on disk ends when its signal does, without reading on", async () => {
    const { work, only, until, close, platform, place } = stage()
    await until(work.download(only("b.bin")))
    const stop = new AbortController()
    let reads = 0
    platform.disk.failAt(
      ({ kind, path }) => {
        if (kind === "read" && path.startsWith("/store/data/b.bin") && ++reads === 2) stop.abort()
        return false
      },
      "io",
      "forever",
    )
    const reading = until(work.read(place("b.bin"), 500 * KiB, stop.signal))
    await expect(reading).rejects.toMatchObject({ code: "AT_ABORTED" })
    expect(reads).toBe(2)
    await close()
  })

  it("keeps what it fetches in the unfinished file, which is not part of what is downloaded", async () => {
    const told: ProgressSnapshot[] = []
    const onProgress = (progress: ProgressSnapshot): unknown => told.push(progress)
    const s = stage({ onProgress })
    await s.until(s.work.read(s.place("b.bin"), 200 * KiB, undefined))
    const paths = s.platform.disk.filePaths()
    expect(paths).toContain("/store/data/b.bin.part")
    // The first piece is also a part of a.bin.
    expect(paths.filter((path) => path.includes("/edges/"))).toHaveLength(1)
    await s.until(s.work.download(s.only("c.bin")))
    await s.simulation.run(60_000)
    // It lies in pieces 25 to 31.
    expect(told.at(-1)).toMatchObject({ state: "complete", doneBytes: 200 * KiB, totalPieces: 7 })
    expect(s.platform.disk.readFile("/store/data/b.bin.part")).toBeDefined()
    const before = s.work.fetchedBytes
    await s.until(s.work.download(s.all()))
    expect(s.wrong()).toEqual([])
    expect(s.work.fetchedBytes).toBe(1000 * KiB)
    expect(before).toBeLessThan(500 * KiB)
    await s.close()
  })

  it("fails when nothing arrives for the whole time-out", async () => {
    const s = stage({ timeout: 5_000, lsd: false })
    s.server.fault = "silence"
    const began = s.platform.clock.now()
    const reading = s.work.read(s.place("b.bin"), 10, undefined)
    await expect(s.until(reading)).rejects.toMatchObject({ code: "AT_STALLED" })
    expect(s.platform.clock.now() - began).toBeLessThan(6_000)
    await s.close()
  })

  it("offline, of what is not there, says so, as a download does", async () => {
    const s = stage({}, { offline: true })
    putDataset(s.platform, s.dataset)
    await s.until(s.platform.disk.remove("/store/data/b.bin"))
    await s.until(s.work.download(s.only("c.bin")))
    expect(await s.until(s.work.read(s.place("c.bin"), 10, undefined))).toHaveLength(10)
    const [inB, length] = [s.place("b.bin") + 40 * KiB, 100 * KiB]
    await expect(s.until(s.work.read(inB, length, undefined))).rejects.toMatchObject({
      code: "AT_NO_SOURCES",
      message: "4 of 4 pieces of data are not on this machine",
    })
    await expect(s.until(s.work.download(s.only("b.bin")))).rejects.toMatchObject({ code: "AT_NO_SOURCES" })
    await expect(s.until(s.work.seed())).rejects.toMatchObject({ message: "nothing can be shared offline" })
    await s.close()
  })

  it("waits where it is so wished until another process has let go, as several at a time do", async () => {
    const s = stage({ wait: true })
    await s.until(s.work.download(s.only("a.bin")))
    await s.close()
    const lock = await s.until(s.platform.acquireLock(`${stateDirectory("/store", s.dataset.metainfo.infoHash)}/lock`))
    const { work } = s.use({ wait: true }, false)
    const places = [0, 50 * KiB, 100 * KiB].map((at) => s.place("b.bin") + at)
    const reading = Promise.all(places.map((place) => work.read(place, 10, undefined)))
    expect(await s.until(work.read(s.place("a.bin"), 10, undefined))).toHaveLength(10)
    await s.simulation.run(30_000)
    expect(work.fetchedBytes).toBe(0)
    await s.until(lock.release())
    const whole = s.dataset.files.get("data/b.bin")!
    expect(await s.until(reading)).toEqual([0, 50, 100].map((at) => whole.slice(at * KiB, at * KiB + 10)))
    await s.until(work.close())
  })

  it("that finds no sources makes no file", async () => {
    const s = stage({ webSeeds: false, lsd: false })
    await expect(s.until(s.work.read(s.place("b.bin"), 200 * KiB, undefined))).rejects.toMatchObject({
      code: "AT_NO_SOURCES",
    })
    expect(s.platform.disk.filePaths().filter((path) => path.startsWith("/store/data"))).toEqual([])
    await s.close()
  })
})

describe("a dataset that is given", () => {
  it("in part is completed by a download, goes on being given, and trackers hear once that it is complete", async () => {
    const told: ProgressSnapshot[] = []
    const onProgress = (progress: ProgressSnapshot): unknown => told.push(progress)
    const s = stage({ onProgress }, { trackers: [TRACKER] })
    const heard = serveTracker(s.simulation, TRACKER)
    putDataset(s.platform, s.dataset)
    await s.until(s.platform.disk.remove("/store/data/c.bin"))
    await s.until(s.work.seed())
    expect(told.at(-1)).toMatchObject({ state: "seeding", doneBytes: 800 * KiB, totalBytes: 1000 * KiB })
    await s.until(s.work.download(s.only("a.bin", "c.bin")))
    expect(s.wrong()).toEqual([])
    await s.simulation.run(1_000)
    expect(told.at(-1)).toMatchObject({ state: "seeding", donePieces: told.at(-1)?.totalPieces })
    expect(new Set(told.map(({ state }) => state))).toEqual(new Set(["checking", "seeding", "downloading"]))
    await s.until(s.work.download(s.all()))
    await s.simulation.run(1_000_000)
    await s.close()
    const events = heard.map((announce) => announce.get("event")).filter((event) => event)
    // The first is BEP 21's word of who has a part and wants no more.
    expect(events).toEqual(["started", "completed", "stopped"])
  })

  it("is repaired by a download when a check found it damaged", async () => {
    const s = stage()
    putDataset(s.platform, s.dataset)
    await s.until(s.work.seed())
    await s.until(s.platform.disk.remove("/store/data/b.bin"))
    const parts = s.work.forCheck()
    const checking = verifyData({ platform: s.platform, metainfo: s.dataset.metainfo, datastore: "/store", ...parts })
    expect((await s.until(checking)).complete).toBe(false)
    await s.until(parts.onEnd())
    await s.until(s.work.download(s.all()))
    expect(s.wrong()).toEqual([])
    expect(s.work.fetchedBytes).toBeLessThanOrEqual((500 + 2 * 32) * KiB)
    await s.close()
  })

  it.each(["downloaded", "read"])(
    "has newer trackers and web seeds looked for, and once more when it is %s",
    async (how) => {
      const s = stage({ lsd: false }, { trackers: [TRACKER], outdated: true })
      const heard = serveTracker(s.simulation, TRACKER)
      putDataset(s.platform, s.dataset)
      await s.until(s.platform.disk.remove("/store/data/b.bin"))
      await s.until(s.work.seed())
      await s.simulation.run(10_000)
      expect(s.site.requests.length).toBe(1)
      expect(heard.length).toBe(1)
      if (how === "read") await s.until(s.work.read(s.place("b.bin"), 100, undefined))
      await s.until(s.work.download(s.all()))
      expect(s.wrong()).toEqual([])
      expect(s.site.requests.length).toBe(2)
      await s.close()
      expect(heard.map((announce) => announce.get("event"))).toEqual(["started", "completed", "stopped"])
    },
  )

  it("is fetched no further than it is read", async () => {
    const s = stage()
    putDataset(s.platform, s.dataset)
    await s.until(s.platform.disk.remove("/store/data/b.bin"))
    await s.until(s.work.seed())
    const bytes = await s.until(s.work.read(s.place("b.bin") + 100 * KiB, 10, undefined))
    expect(bytes).toEqual(s.dataset.files.get("data/b.bin")?.slice(100 * KiB, 100 * KiB + 10))
    await s.simulation.run(60_000)
    expect(s.work.fetchedBytes).toBe(32 * KiB)
    await s.close()
  })

  it("goes on being given when a download finds no sources, and a later download goes on", async () => {
    const told: ProgressSnapshot[] = []
    const onProgress = (progress: ProgressSnapshot): unknown => told.push(progress)
    const s = stage({ onProgress, lsd: false, webSeeds: false })
    putDataset(s.platform, s.dataset)
    await s.until(s.platform.disk.remove("/store/data/c.bin"))
    await s.until(s.work.seed())
    await expect(s.until(s.work.download(s.all()))).rejects.toMatchObject({ code: "AT_NO_SOURCES" })
    await s.simulation.run(1_000)
    expect(told.at(-1)?.state).toBe("seeding")
    const reader = s.simulation.platform(LEECHER.host)
    const node = await s.until(
      startNode({ platform: reader, dataset: s.dataset, peers: [{ host: "10.0.0.1", port: 6881 }] }),
    )
    await s.until(node.torrent.whenComplete())
    await s.until(s.work.download(s.all()))
    expect(s.wrong()).toEqual([])
    await s.until(node.close())
    await s.close()
  })

  it.each(["downloaded", "read"])("after it was %s looks for those who want it", async (how) => {
    const told: ProgressSnapshot[] = []
    const onProgress = (progress: ProgressSnapshot): unknown => told.push(progress)
    const s = stage({ onProgress, lsd: false }, { trackers: [TRACKER] })
    const heard = serveTracker(s.simulation, TRACKER, { peers: [LEECHER] })
    if (how === "read") await s.until(s.work.read(0, 1000 * KiB, undefined))
    else await s.until(s.work.download(s.all()))
    await s.until(s.work.seed())
    expect(told.at(-1)?.state).toBe("seeding")
    // It knows nobody, and has no web seed: it is the seed that has to come.
    const platform = s.simulation.platform(LEECHER.host)
    const dataset = { ...s.dataset, metainfo: { ...s.dataset.metainfo, webSeeds: [], trackers: [] } }
    const node = await s.until(startNode({ platform, dataset, limits: { lsd: true } }))
    await s.until(node.torrent.whenComplete())
    expect(wrongFiles(platform, s.dataset)).toEqual([])
    await s.simulation.run(300_000)
    expect(Number(heard.at(-1)?.get("numwant"))).toBeGreaterThan(0)
    await s.until(node.close())
    await s.close()
  })
})

describe("closing", () => {
  it.each([0, 1, 5, 20, 50])("during a read, %d ms after its beginning, leaves no port open", async (ms) => {
    const { work, simulation, close, place, platform, until } = stage()
    const reading = work.read(place("b.bin"), 100, undefined).then(
      () => "read",
      (error: { code?: string }) => error.code,
    )
    await simulation.run(ms)
    await close()
    expect(["read", "AT_ABORTED"]).toContain(await until(reading))
    await simulation.run(60_000)
    const listener = await until(platform.net.listen({ port: 6881 }, () => ({}) as never))
    await until(listener.close())
  })

  it("during the check of what is on disk does not wait for its end", async () => {
    const { work, all, close, platform, dataset, simulation, until, closing } = stage()
    putDataset(platform, dataset)
    const downloading = work.download(all())
    downloading.catch(() => {})
    await simulation.run(2)
    closing.abort()
    await expect(until(downloading)).rejects.toMatchObject({ code: "AT_ABORTED" })
    await close()
  })
})

describe("progress of a dataset", () => {
  it("ends with `complete` when everything was on disk already", async () => {
    const { work, all, until, close, feed, platform, dataset } = stage()
    putDataset(platform, dataset)
    const beside = collect(feed)
    await until(feed.during(() => work.download(all())))
    const after = await until(collect(feed))
    const complete = {
      state: "complete",
      doneBytes: 1000 * KiB,
      totalBytes: 1000 * KiB,
      donePieces: 32,
      totalPieces: 32,
    }
    expect(after).toEqual([expect.objectContaining(complete)])
    expect((await until(beside)).at(-1)).toMatchObject(complete)
    await close()
  })

  it("beside a download does not end at its first item because a read was complete before", async () => {
    const { work, all, until, close, feed, place } = stage({}, { up: 200 * KiB })
    await until(work.read(place("c.bin"), 100, undefined))
    const seen = collect(feed)
    await until(feed.during(() => work.download(all())))
    const items = await until(seen)
    expect(items.length).toBeGreaterThan(2)
    expect(items.at(-1)).toMatchObject({ state: "complete", doneBytes: 1000 * KiB })
    await close()
  })

  it("says how much is complete also of what another process has the lock of", async () => {
    const { work, all, until, close, use, platform, dataset } = stage()
    await until(work.download(all()))
    await close()
    await until(platform.acquireLock(`${stateDirectory("/store", dataset.metainfo.infoHash)}/lock`))
    const told: ProgressSnapshot[] = []
    const again = use({ onProgress: (progress) => told.push(progress) }, false)
    await until(again.work.download(all()))
    expect(told.at(-1)).toMatchObject({ state: "complete", totalBytes: 1000 * KiB, donePieces: 32, totalPieces: 32 })
    await until(again.work.close())
  })

  it("ends with a download that failed", async () => {
    const { work, all, until, close, feed, server } = stage({ timeout: 5_000 })
    server.fault = "silence"
    const seen = collect(feed)
    await expect(until(feed.during(() => work.download(all())))).rejects.toMatchObject({ code: "AT_STALLED" })
    expect((await until(seen)).at(-1)).toMatchObject({ state: "downloading" })
    await close()
  })

  it("is never told last that the torrent was stopped", async () => {
    const told: string[] = []
    const { work, all, until, close } = stage({ onProgress: ({ state }) => told.push(state) })
    await until(work.download(all()))
    await close()
    expect(told.at(-1)).toBe("complete")
    expect(told).not.toContain("stopped")
  })
})

describe("two uses of one dataset in a process", () => {
  it("come one after the other where the first ends by itself", async () => {
    const { use, only, until, wrong, simulation } = stage({}, { up: 100 * KiB })
    const seen: ProgressSnapshot[] = []
    const [first, second] = [use({}, true), use({ onProgress: (progress) => seen.push(progress) }, true)]
    const one = first.work.download(only("a.bin")).finally(() => first.work.close())
    const two = second.work.download(only("b.bin")).finally(() => second.work.close())
    await simulation.run(1000)
    expect(seen.at(-1)).toMatchObject({ state: "checking", doneBytes: 0, totalBytes: 500 * KiB })
    expect(seen.at(-1)?.waitingFor).toMatch(/^another call in this process is using it/)
    await until(Promise.all([one, two]))
    expect(seen.at(-1)).toMatchObject({ waitingFor: null })
    expect(wrong()).toEqual(["c.bin", "empty.txt"])
  })

  it("come one after the other where the first is being closed", async () => {
    const { use, work, closing, all, only, until, wrong } = stage()
    await until(work.download(only("a.bin")))
    closing.abort()
    const closed = work.close()
    const second = use({}, false)
    await until(second.work.download(all()))
    await closed
    expect(wrong()).toEqual([])
    await until(second.work.close())
  })

  it("are refused where the first is held open, with words for who holds it", async () => {
    const { use, work, all, only, until, close } = stage()
    await until(work.download(only("a.bin")))
    const second = use({}, true)
    const refused = { code: "AT_LOCKED", message: "data is open in this process already" }
    await expect(until(second.work.download(all()))).rejects.toMatchObject(refused)
    await close()
    await until(second.work.download(all()))
    await until(second.work.close())
  })

  it("both read what is there, and the second fetches once the first has let go", async () => {
    const { use, work, only, until, close, dataset, place } = stage()
    await until(work.download(only("a.bin")))
    const second = use({}, false)
    await until(second.work.download(only("a.bin")))
    const [start, length] = [place("a.bin"), 100 * KiB]
    const bytes = await until(second.work.read(start, length, undefined))
    expect(Buffer.compare(bytes, dataset.files.get("data/a.bin")!.subarray(0, length))).toBe(0)
    const absent = place("c.bin")
    await expect(until(second.work.read(absent, 10, undefined))).rejects.toMatchObject({ code: "AT_LOCKED" })
    await close()
    const fetched = await until(second.work.read(absent, 10, undefined))
    expect(Buffer.compare(fetched, dataset.files.get("data/c.bin")!.subarray(0, 10))).toBe(0)
    await until(second.work.close())
  })

  it("do not keep the second from fetching, by however many calls, once the first has let go", async () => {
    const { use, work, all, only, until, close, dataset, place, wrong } = stage()
    await until(work.download(only("a.bin")))
    const second = use({}, false)
    await until(second.work.read(place("a.bin"), 10, undefined))
    await close()
    const places = [0, 1, 2, 3].map((part) => place("b.bin") + part * 100 * KiB)
    const reading = places.map((at) => second.work.read(at, 10, undefined))
    const [downloaded, ...parts] = await until(Promise.all([second.work.download(all()), ...reading]))
    expect(downloaded).toBeUndefined()
    const whole = dataset.files.get("data/b.bin")!
    expect(parts).toEqual([0, 1, 2, 3].map((part) => whole.slice(part * 100 * KiB, part * 100 * KiB + 10)))
    expect(wrong()).toEqual([])
    await until(second.work.close())
  })

  it("let the second read at once what the first has brought meanwhile", async () => {
    const { use, work, only, until, close, place } = stage()
    await until(work.download(only("a.bin")))
    const second = use({}, false)
    await until(second.work.read(place("a.bin"), 10, undefined))
    await until(work.download(only("b.bin")))
    const reading = [0, 1, 2].map((part) => second.work.read(place("b.bin") + part * 100 * KiB, 10, undefined))
    for (const bytes of await until(Promise.all(reading))) expect(bytes).toHaveLength(10)
    await until(second.work.download(only("a.bin", "b.bin")))
    expect(second.work.fetchedBytes).toBe(0)
    await close()
    await until(second.work.close())
  })

  it("let the second give only once the first has let go, whatever it read before", async () => {
    const { use, work, all, only, until, close, place, wrong } = stage()
    await until(work.download(only("a.bin")))
    const second = use({}, false)
    await until(second.work.read(place("a.bin"), 10, undefined))
    await expect(until(second.work.seed())).rejects.toMatchObject({ code: "AT_LOCKED" })
    await close()
    await until(second.work.seed())
    expect(second.work.port).toBe(6881)
    await until(second.work.download(all()))
    expect(wrong()).toEqual([])
    await until(second.work.close())
  })

  it("do not end the check of what the second wants because another of its calls is refused", async () => {
    const { use, work, only, until, close, platform, dataset, place, simulation } = stage()
    putDataset(platform, dataset)
    await until(platform.disk.remove("/store/data/c.bin"))
    await until(work.download(only("a.bin")))
    const second = use({}, false)
    const count = (what: string): number =>
      platform.disk.operations.filter(({ kind, path }) => kind === what && path.endsWith("/b.bin")).length
    const downloading = second.work.download(only("b.bin"))
    while (count("read") === 0) await simulation.run(1)
    await expect(until(second.work.read(place("c.bin"), 10, undefined))).rejects.toMatchObject({ code: "AT_LOCKED" })
    await until(downloading)
    await close()
    await simulation.run(1_000)
    expect(count("close")).toBe(count("open"))
    await until(second.work.close())
  })

  it("do not keep the second from being stopped, or its patience from ending", async () => {
    const { simulation, use, all, until, server } = stage()
    server.fault = { stallAfter: 0 }
    const [first, stopped, impatient] = [use({}, true), use({}, true), use({ timeout: 5000 }, true)]
    const one = first.work.download(all())
    // It has its turn.
    await simulation.run(100)
    const two = stopped.work.download(all())
    const three = impatient.work.download(all())
    const stalled = { code: "AT_STALLED", message: expect.stringMatching(/another call in this process/) as unknown }
    await expect(until(three)).rejects.toMatchObject(stalled)
    stopped.closing.abort()
    await expect(until(two)).rejects.toMatchObject({ code: "AT_ABORTED" })
    await until(stopped.work.close())
    first.closing.abort()
    await expect(until(one)).rejects.toMatchObject({ code: "AT_ABORTED" })
    await until(Promise.all([first, impatient].map(({ work }) => work.close())))
  })
})
