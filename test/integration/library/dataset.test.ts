import { createHash } from "node:crypto"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:http"
import { type AddressInfo, createServer as createTcpServer } from "node:net"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import type * as library from "../../../src/index.js"
import { createTorrent } from "../../../src/metainfo/create.js"
import { randomBytes } from "../../support/trees.js"
import { changeUnseen } from "../cli/stage.js"

// The build, because hashing runs in threads of it.
const at: typeof library = await import(new URL("../../../dist/index.js", import.meta.url).href)

const KiB = 1024
const MiB = 1024 * KiB
const PIECE_LENGTH = 64 * KiB
const FILES = new Map(["a.bin", "b.bin", "c.bin"].map((name) => [name, randomBytes(2 * MiB, name)]))

const folder = mkdtempSync(join(tmpdir(), "at-library-"))
const torrentFile = join(folder, "data.torrent")
let stores = 0

const server = createServer((request, response) => {
  const file = FILES.get(request.url?.split("/").at(-1) ?? "")
  const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "")
  if (file === undefined || range === null) {
    response.writeHead(404).end()
    return
  }
  const [start, end] = [Number(range[1]), Number(range[2])]
  response.writeHead(206, {
    "content-range": `bytes ${start}-${end}/${file.length}`,
    "content-length": end - start + 1,
  })
  response.end(file.subarray(start, end + 1))
})

beforeAll(async () => {
  vi.stubEnv("HOME", folder)
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const whole = Buffer.concat([...FILES.values()])
  const hashes: Buffer[] = []
  for (let begin = 0; begin < whole.length; begin += PIECE_LENGTH) {
    hashes.push(
      createHash("sha1")
        .update(whole.subarray(begin, begin + PIECE_LENGTH))
        .digest(),
    )
  }
  const { torrent } = createTorrent({
    name: "data",
    kind: "folder",
    files: [...FILES].map(([name, bytes]) => ({ path: [name], length: bytes.length })),
    pieceLength: PIECE_LENGTH,
    pieceHashes: new Uint8Array(Buffer.concat(hashes)),
    trackers: [],
    webSeeds: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/`],
  })
  writeFileSync(torrentFile, torrent)
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

async function open(options: library.Options = {}) {
  const datastore = join(folder, `store${stores++}`)
  const dataset = await at.open(torrentFile, { datastore, site: "http://127.0.0.1:9", port: 0, ...options })
  return { dataset, datastore, has: (name: string) => existsSync(join(datastore, "data", name)) }
}

/** A tracker that names this peer to who says `completed`, and a torrent of two files that has it. What it is told: `event`s. */
async function track(peerPort?: number) {
  const events: (string | null)[] = []
  const tracker = createServer(({ url = "" }, response) => {
    const event = new URL(url, "http://127.0.0.1").searchParams.get("event")
    events.push(event)
    const isNamed = event === "completed" && peerPort !== undefined
    const peers = isNamed ? Buffer.from([127, 0, 0, 1, peerPort >> 8, peerPort & 255]) : Buffer.alloc(0)
    response.end(Buffer.concat([Buffer.from(`d8:intervali1800e5:peers${peers.length}:`), peers, Buffer.from("e")]))
  })
  await new Promise<void>((resolve) => tracker.listen(0, "127.0.0.1", resolve))
  const source = join(folder, `tracked${stores++}`, "data")
  mkdirSync(source, { recursive: true })
  for (const name of ["a.bin", "b.bin"]) writeFileSync(join(source, name), FILES.get(name)!)
  const created = await at.create(source, {
    output: `${source}.torrent`,
    trackers: [[`http://127.0.0.1:${(tracker.address() as AddressInfo).port}/announce`]],
    urls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/`],
  })
  const datastore = join(folder, `store${stores++}`)
  const options = { datastore, site: "http://127.0.0.1:9", port: 0, dht: false, lsd: false }
  const openTracked = (more: library.Options = {}) => at.open(created.path, { ...options, ...more })
  const stop = () => new Promise((resolve) => tracker.close(resolve))
  return { openTracked, events, stop }
}

describe("a file that its author calls otherwise than we do", () => {
  it("is found by either name, and read where the author has it", async () => {
    const datastore = join(folder, `store${stores++}`)
    const source = join(datastore, "data")
    mkdirSync(source, { recursive: true })
    writeFileSync(join(source, "T00:00.csv"), FILES.get("a.bin")!)
    const output = `${source}.torrent`
    const { path, renamed } = await at.create(source, { output })
    expect(renamed).toEqual([{ path: "data/T00:00.csv", savedAs: "data/T00_00.csv" }])
    const dataset = await at.open(path, { datastore, offline: true, include: ["T00:00.csv"] })
    const file = dataset.file("T00:00.csv")
    expect(file).toBe(dataset.file("T00_00.csv"))
    expect(file).toMatchObject({ path: "T00_00.csv", rawPath: "T00:00.csv" })
    expect(dataset.chosenFiles).toEqual([file])
    await dataset.download()
    expect(Buffer.from(await file.read(10, 100))).toEqual(Buffer.from(FILES.get("a.bin")!.subarray(10, 110)))
    await dataset.close()
    expect(readdirSync(source)).toEqual(["T00:00.csv"])
  })
})

describe("a dataset that is shared", () => {
  const states = async (dataset: library.Dataset): Promise<string[]> => {
    const seen: string[] = []
    for await (const { state } of dataset.progress()) seen.push(state)
    return seen
  }

  it("in part is completed by a download, and goes on being shared", async () => {
    const { openTracked, events, stop } = await track()
    const first = await openTracked()
    await first.download({ include: ["a.bin"] })
    await first.close()
    events.length = 0
    const dataset = await openTracked()
    await dataset.seed()
    const path = await dataset.download()
    for (const name of ["a.bin", "b.bin"]) expect(readFileSync(join(path, name)).equals(FILES.get(name)!)).toBe(true)
    expect(dataset.fetchedBytes).toBe(2 * MiB)
    expect(await states(dataset)).toEqual(["seeding"])
    await dataset.close()
    expect(events.filter((event) => event === "completed")).toEqual(["completed"])
    await stop()
  })

  it("is repaired by a download when its folder was removed", async () => {
    const { openTracked, stop } = await track()
    const dataset = await openTracked()
    const path = await dataset.download()
    await dataset.seed()
    rmSync(path, { recursive: true })
    expect((await dataset.verify()).complete).toBe(false)
    await dataset.download()
    expect((await dataset.verify()).complete).toBe(true)
    await dataset.close()
    await stop()
  })

  it("after a download connects to those who wait for it", async () => {
    let connected = (): void => {}
    const connection = new Promise<void>((resolve) => {
      connected = resolve
    })
    const peer = createTcpServer((socket) => {
      socket.on("error", () => {})
      socket.once("data", () => {
        connected()
        socket.destroy()
      })
    })
    await new Promise<void>((resolve) => peer.listen(0, "127.0.0.1", resolve))
    const { openTracked, stop } = await track((peer.address() as AddressInfo).port)
    const dataset = await openTracked()
    await dataset.download()
    await dataset.seed()
    expect(await states(dataset)).toEqual(["seeding"])
    await connection
    await dataset.close()
    await stop()
    await new Promise((resolve) => peer.close(resolve))
  })

  it("until a limit is shared also where nothing was at work, or is just about to be", async () => {
    const { openTracked, events, stop } = await track()
    await using nothing = await openTracked()
    await expect(nothing.giveUntil({ time: 1 })).rejects.toMatchObject({ code: "AT_NO_SOURCES" })
    await nothing.close()
    const first = await openTracked()
    await first.download()
    await first.close()
    for (const before of ["download", "seed"] as const) {
      events.length = 0
      const dataset = await openTracked()
      const begun = dataset[before]()
      if (before === "download") await begun
      await dataset.giveUntil({ time: 1 })
      expect(dataset.port).toBeGreaterThan(0)
      expect(await states(dataset)).toEqual(["seeding"])
      await dataset.close()
      expect(events).toEqual(["started", "stopped"])
    }
    await stop()
  })

  it("is not shared for ever because of a limit that is none", async () => {
    const { dataset } = await open()
    for (const limits of [undefined, { ration: 1 }, { ratio: "x" }, { time: -1 }, { signal: {} }]) {
      const giving = dataset.giveUntil(limits as never)
      await expect(giving, JSON.stringify(limits)).rejects.toMatchObject({ code: "AT_INVALID_INPUT" })
    }
    await dataset.close()
  })
})

describe("the library", () => {
  it("brings each of several downloads its files", async () => {
    const { dataset, has } = await open()
    await Promise.all([dataset.download({ include: ["a.bin"] }), dataset.download({ include: ["b.bin"] })])
    expect(["a.bin", "b.bin", "c.bin"].map(has)).toEqual([true, true, false])
    await dataset.close()
  })

  it("downloads anew what a check finds damaged, as long as it is open and after that", async () => {
    const { dataset, datastore } = await open()
    await dataset.download()
    const isRight = (target: library.Dataset) => readFileSync(join(target.path, "a.bin")).equals(FILES.get("a.bin")!)
    changeUnseen(join(dataset.path, "a.bin"), 5)
    expect((await dataset.verify()).complete).toBe(false)
    await dataset.download()
    expect(isRight(dataset)).toBe(true)
    await dataset.close()
    const { dataset: again } = await open({ datastore })
    changeUnseen(join(again.path, "a.bin"), 5)
    expect((await again.verify()).complete).toBe(false)
    await again.close()
    const { dataset: last } = await open({ datastore })
    await last.download()
    expect(isRight(last)).toBe(true)
    await last.close()
  })

  it("downloads anew what a check finds missing or cut short, while it is open", async () => {
    const { dataset } = await open()
    await dataset.download()
    rmSync(join(dataset.path, "a.bin"))
    truncateSync(join(dataset.path, "b.bin"), 1.5 * MiB)
    const before = dataset.fetchedBytes
    expect((await dataset.verify()).complete).toBe(false)
    await dataset.download()
    for (const [name, bytes] of FILES) expect(readFileSync(join(dataset.path, name)).equals(bytes), name).toBe(true)
    expect(dataset.fetchedBytes - before).toBe(2.5 * MiB)
    expect((await dataset.verify()).complete).toBe(true)
    await dataset.close()
  })

  it("tells of a download of what was there, and ends", async () => {
    const { dataset, datastore } = await open()
    await dataset.download()
    await dataset.close()
    const again = await at.open(torrentFile, { datastore, port: 0 })
    await again.download()
    const states: string[] = []
    for await (const { state } of again.progress()) states.push(state)
    expect(states).toEqual(["complete"])
    await again.close()
  })

  it("has no progress to tell of while no call is running, and ends with a read as with a download", async () => {
    const { dataset } = await open({ dht: false, lsd: false })
    const states = async () => {
      const seen = new Set<string>()
      for await (const { state } of dataset.progress()) seen.add(state)
      return [...seen]
    }
    expect(await states()).toEqual([])
    // The call begins when the loop has begun already.
    const [told] = await Promise.all([states(), dataset.download({ include: ["a.bin"] })])
    expect(told.at(-1)).toBe("complete")
    const file = dataset.file("b.bin")
    const [beside] = await Promise.all([states(), file.read(0, file.length)])
    expect(beside.at(-1)).toBe("complete")
    await dataset.close()
  })

  it("fails where it is told how long to wait for a byte of what is read or streamed, and of a .torrent", async () => {
    const silent = createTcpServer((socket) => socket.on("error", () => {}).resume())
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const { dataset } = await open({ dht: false, lsd: false, webSeeds: false, urls: [`${url}/`], timeout: 500 })
    const file = dataset.file("a.bin")
    const stalled = expect.objectContaining({ code: "AT_STALLED" })
    await expect(file.read(0, 5)).rejects.toEqual(stalled)
    await expect(file.stream().getReader().read()).rejects.toEqual(stalled)
    await expect(at.open(`${url}/data.torrent`, { timeout: 500 })).rejects.toEqual(stalled)
    await dataset.close()
    silent.close()
  })

  it("can be closed by who hears of its progress, and is free for others then", async () => {
    const closings: Promise<void>[] = []
    const { dataset, datastore } = await open({ onProgress: () => closings.push(dataset.close()) })
    await expect(dataset.download()).rejects.toMatchObject({ code: "AT_ABORTED" })
    await Promise.all(closings)
    const again = await open({ datastore })
    await again.dataset.download()
    await again.dataset.close()
  })

  it("tells of a download that is refused, and ends", async () => {
    const { dataset } = await open()
    const refused = dataset.download({ include: ["nope"] })
    const states: string[] = []
    for await (const { state } of dataset.progress()) states.push(state)
    await expect(refused).rejects.toMatchObject({ code: "AT_INVALID_INPUT" })
    expect(states).toEqual([])
    await dataset.close()
  })

  it("is found complete without its .torrent, unless more is asked for than its path", async () => {
    const { datastore, dataset } = await open()
    const { infoHash, length } = dataset
    const path = await dataset.download()
    await dataset.close()
    rmSync(join(datastore, ".academictorrents", infoHash, "dataset.torrent"))
    rmSync(join(folder, "cache"), { recursive: true, force: true })
    const get = (more: library.Options = {}, target = infoHash): Promise<string> =>
      at.get(target, { datastore, offline: true, ...more })
    const told: library.ProgressSnapshot[] = []
    expect(await get({ onProgress: (progress) => told.push(progress), include: [] })).toBe(path)
    expect(told).toMatchObject([{ state: "complete", name: "data", infoHash, totalBytes: length, doneBytes: length }])
    const more: library.Options[] = [
      { include: ["*"] },
      { exclude: ["none"] },
      { verify: "always" },
      { sync: true },
      { seed: true },
      { superSeed: true },
      { data: path },
    ]
    for (const options of more)
      await expect(get(options), JSON.stringify(options)).rejects.toMatchObject({ code: "AT_METADATA" })
    const magnet = `magnet:?xt=urn:btih:${infoHash}`
    expect(await get({}, magnet)).toBe(path)
    const another = `&xt=urn:btmh:1220${"0".repeat(64)}`
    for (const link of [`${magnet}&so=0`, magnet + another])
      await expect(get({}, link)).rejects.toMatchObject({ code: "AT_METADATA" })
    await expect(get({ signal: AbortSignal.abort() }, torrentFile)).rejects.toMatchObject({ code: "AT_ABORTED" })
    await expect(get({ peers: ["no port"] })).rejects.toMatchObject({ code: "AT_INVALID_INPUT" })
  })

  it("streams a file to its place, and downloads only the rest of it later", async () => {
    const { dataset, datastore, has } = await open()
    for await (const _ of dataset.file("b.bin").stream({ end: MiB })) expect(has("b.bin")).toBe(false)
    expect(has("b.bin.part")).toBe(true)
    await dataset.close()
    const { dataset: again } = await open({ datastore })
    await again.download({ include: ["b.bin"] })
    expect(again.fetchedBytes).toBeLessThanOrEqual(MiB + PIECE_LENGTH)
    expect(Buffer.compare(readFileSync(join(dataset.path, "b.bin")), FILES.get("b.bin")!)).toBe(0)
    expect(has("b.bin.part")).toBe(false)
    await again.close()
  })

  it("streams a file as it is, and warns of nothing", async () => {
    const warnings: string[] = []
    const onWarning = ({ message }: Error): unknown => warnings.push(message)
    process.on("warning", onWarning)
    const { dataset } = await open()
    const parts: Uint8Array[] = []
    for await (const part of dataset.file("b.bin").stream()) parts.push(part)
    expect(Buffer.compare(Buffer.concat(parts), FILES.get("b.bin")!)).toBe(0)
    await dataset.close()
    process.off("warning", onWarning)
    expect(warnings).toEqual([])
  })

  it("takes one signal for many calls, and warns of nothing", async () => {
    const warnings: string[] = []
    const onWarning = ({ message }: Error): unknown => warnings.push(message)
    process.on("warning", onWarning)
    const { signal } = new AbortController()
    const { dataset } = await open({ signal })
    const file = dataset.file("b.bin")
    await Promise.all(Array.from({ length: 12 }, (_, part) => file.read(part * 100, 100, { signal })))
    await Promise.all(Array.from({ length: 12 }, () => dataset.download({ signal, include: ["b.bin"] })))
    await dataset.close()
    process.off("warning", onWarning)
    expect(warnings).toEqual([])
  })

  it("fails with AT_ABORTED, and lets go of its port, when it is closed during a call", async () => {
    const { dataset } = await open()
    const calls = [
      dataset.download(),
      dataset.file("c.bin").read(0, 100),
      dataset.file("a.bin").stream().getReader().read(),
      dataset.verify(),
    ].map((call) =>
      call.then(
        () => "done",
        (error: library.AtError) => error.code,
      ),
    )
    await dataset.close()
    expect(await Promise.all(calls)).toEqual(calls.map(() => "AT_ABORTED"))
    expect(dataset.port).toBeUndefined()
    await expect(dataset.download()).rejects.toMatchObject({ code: "AT_ABORTED" })
  })

  it("stops each call by a signal of its own, and stays open", async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`
    const { path } = await at.create(torrentFile, {
      output: join(folder, "silent.torrent"),
      trackers: [[`${url}announce`]],
    })
    const options = { datastore: join(folder, `store${stores++}`), port: 0, dht: false, urls: [url] }
    const dataset = await at.open(path, options)
    const calls = [
      (signal: AbortSignal) => dataset.download({ signal }),
      (signal: AbortSignal) => dataset.verify({ signal }),
      (signal: AbortSignal) => dataset.swarmSizes({ signal }),
      (signal: AbortSignal) => dataset.webSeedStates({ signal }),
    ]
    for (const call of calls) {
      const stop = new AbortController()
      const early = call(AbortSignal.abort())
      await expect(early).rejects.toMatchObject({ code: "AT_ABORTED" })
      const late = call(stop.signal)
      stop.abort()
      await expect(late).rejects.toMatchObject({ code: "AT_ABORTED" })
      await expect(call(5 as never)).rejects.toMatchObject({ code: "AT_INVALID_INPUT" })
    }
    await expect(dataset.verify()).resolves.toMatchObject({ complete: false })
    await dataset.close()
    silent.closeAllConnections()
    await new Promise((resolve) => silent.close(resolve))
  })

  it("downloads what it was opened for, also where only a signal is given", async () => {
    const { dataset, has } = await open({ include: ["a.bin"] })
    await dataset.download({ signal: new AbortController().signal })
    expect(["a.bin", "b.bin"].map(has)).toEqual([true, false])
    await dataset.download({ include: [] })
    expect(["b.bin", "c.bin"].map(has)).toEqual([true, true])
    await dataset.close()
  })

  it("is not opened by a signal that is aborted, and does nothing more once it is", async () => {
    const aborted = { code: "AT_ABORTED" }
    await expect(open({ signal: AbortSignal.abort() })).rejects.toMatchObject(aborted)
    const stop = new AbortController()
    const { dataset } = await open({ signal: stop.signal })
    stop.abort()
    await expect(dataset.download()).rejects.toMatchObject(aborted)
    await expect(dataset.webSeedStates()).rejects.toMatchObject(aborted)
    for await (const _ of dataset.progress()) expect.unreachable()
    await dataset.close()
  })

  it("is told what is wrong with a choice of files, and fetches nothing by it", async () => {
    const { dataset, has } = await open()
    for (const choice of [{ include: "*.bin" }, { include: [5] }, { inclde: ["a.bin"] }, null, "a.bin"]) {
      const refusal = { code: "AT_INVALID_INPUT", hint: expect.stringMatching(/incl|options/) as string }
      await expect(dataset.download(choice as never)).rejects.toMatchObject(refusal)
      await expect(dataset.verify(choice as never)).rejects.toMatchObject(refusal)
    }
    expect(["a.bin", "b.bin", "c.bin"].map(has)).toEqual([false, false, false])
    await dataset.close()
  })

  it("takes an empty datastore for the one that is set, and refuses what is none", async () => {
    const set = join(folder, "set")
    at.setDatastore(set)
    const dataset = await at.open(torrentFile, { datastore: "" })
    expect(dataset.path).toBe(join(set, "data"))
    await dataset.close()
    at.setDatastore("")
    const another = await at.open(torrentFile)
    expect(another.path).not.toContain(set)
    await another.close()
    const refusal = expect.objectContaining({ code: "AT_INVALID_INPUT" }) as Error
    expect(() => at.setDatastore(undefined as never)).toThrow(refusal)
  })

  it("does what it was asked for, whatever is set or changed after the call", async () => {
    const [asked, later] = [join(folder, `store${stores++}`), join(folder, `store${stores++}`)]
    const common = { site: "http://127.0.0.1:9", port: 0 }
    const include = ["a.bin"]
    at.setDatastore(asked)
    const calls = [at.open(torrentFile, { ...common, include }), at.get(torrentFile, { ...common, include })] as const
    at.setDatastore(later)
    include[0] = "b.bin"
    const [dataset, path] = await Promise.all(calls)
    at.setDatastore("")
    expect(dataset.chosenFiles).toEqual([dataset.file("a.bin")])
    expect([dataset.path, path]).toEqual([join(asked, "data"), join(asked, "data")])
    expect(readdirSync(path)).toEqual(["a.bin"])
    await dataset.close()
    const inFolder = vi.spyOn(process, "cwd").mockReturnValue(folder)
    const getting = at.get("data.torrent", { ...common, datastore: "relative" })
    inFolder.mockRestore()
    expect(await getting).toBe(join(folder, "relative", "data"))
  })

  it("names data that is given relatively by its absolute path", async () => {
    const dataset = await at.open(torrentFile, { data: relative(process.cwd(), folder) })
    expect(dataset.path).toBe(folder)
    await dataset.close()
  })

  it("finds out before it hashes for long that a .torrent can't be written", async () => {
    const hashed: number[] = []
    const output = join(folder, "absent", "x.torrent")
    const making = at.create(join(folder, "data.torrent"), { output, onProgress: (p) => hashed.push(p.doneBytes) })
    await expect(making).rejects.toMatchObject({ code: "AT_DISK_IO", message: expect.stringContaining(output) })
    expect(hashed).toEqual([])
  })

  it("does not promise to go on where a .torrent that was stopped is made again", async () => {
    const making = at.create(torrentFile, { output: join(folder, "x.torrent"), signal: AbortSignal.abort() })
    await expect(making).rejects.toMatchObject({ code: "AT_ABORTED", hint: expect.stringContaining("anew") as unknown })
  })

  it("gives calls their turns also where they name one datastore by two paths", async () => {
    const datastore = join(folder, `store${stores++}`)
    const link = `${datastore}-link`
    mkdirSync(datastore)
    symlinkSync(datastore, link)
    const common = { site: "http://127.0.0.1:9", port: 0 }
    const paths = await Promise.all(
      [datastore, link].map((path) => at.get(torrentFile, { ...common, datastore: path })),
    )
    expect(paths).toEqual([join(datastore, "data"), join(link, "data")])
  })

  it("fails with an AtError even where its caller made a mistake nobody foresaw", async () => {
    const { dataset } = await open()
    await expect(at.open(7 as never)).rejects.toBeInstanceOf(at.AtError)
    await dataset.close()
  })

  it("does not keep announces back because a tracker refused to be scraped", async () => {
    const asked: string[] = []
    const tracker = createServer(({ url = "" }, response) => {
      asked.push(url.split("?")[0]!)
      response.writeHead(429, { "retry-after": "3600" }).end()
    })
    await new Promise<void>((resolve) => tracker.listen(0, "127.0.0.1", resolve))
    const { port } = tracker.address() as AddressInfo
    const created = await at.create(fileURLToPath(import.meta.url), {
      output: join(folder, "scraped.torrent"),
      trackers: [[`http://127.0.0.1:${port}/announce`]],
    })
    const options = { port: 0, dht: false, lsd: false, site: "http://127.0.0.1:9", timeout: 1_000 }
    const dataset = await at.open(created.path, { ...options, datastore: join(folder, `store${stores++}`) })
    expect(await dataset.swarmSizes()).toMatchObject([{ kind: "failed", message: "HTTP status 429" }])
    await expect(dataset.download()).rejects.toBeInstanceOf(at.AtError)
    await dataset.close()
    expect(asked).toEqual(["/scrape", "/announce"])
    await new Promise((resolve) => tracker.close(resolve))
  })

  it("leaves a tracker alone that found one dataset too fast, whatever dataset asks", async () => {
    let asked = 0
    const tracker = createServer((_request, response) => {
      asked++
      response.writeHead(429, { "retry-after": "3600" }).end()
    })
    await new Promise<void>((resolve) => tracker.listen(0, "127.0.0.1", resolve))
    const { port } = tracker.address() as AddressInfo
    const created = await at.create(fileURLToPath(import.meta.url), {
      output: join(folder, "tracked.torrent"),
      trackers: [[`http://127.0.0.1:${port}/announce`]],
    })
    const options = { port: 0, dht: false, site: "http://127.0.0.1:9" }
    const openTracked = () =>
      at.open(created.path, { ...options, timeout: 1_000, datastore: join(folder, `store${stores++}`) })
    const first = await openTracked()
    await expect(first.download()).rejects.toBeInstanceOf(at.AtError)
    await first.close()
    const second = await openTracked()
    expect(await second.swarmSizes()).toMatchObject([{ message: expect.stringContaining("wants to be left alone") }])
    await expect(second.download()).rejects.toBeInstanceOf(at.AtError)
    await second.close()
    expect(asked).toBe(1)
    await new Promise((resolve) => tracker.close(resolve))
  })
})
