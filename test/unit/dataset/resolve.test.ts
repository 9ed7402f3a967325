import { beforeEach, describe, expect, it } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { Site } from "../../../src/catalog/site.js"
import { ProgressFeed } from "../../../src/dataset/progress-feed.js"
import {
  type ResolveContext,
  refreshTorrent,
  resolveTarget,
  upToDate,
  type Wanted,
} from "../../../src/dataset/resolve.js"
import { parseTarget } from "../../../src/dataset/target.js"
import { TorrentCache } from "../../../src/dataset/torrent-cache.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import {
  type Http,
  HttpError,
  type HttpExchange,
  type HttpFailure,
  type HttpListener,
  type HttpRequest,
} from "../../../src/ports/http.js"
import type { ProgressSnapshot } from "../../../src/torrent/statistics/progress.js"
import { createSimulation, type SimPlatform, type Simulation } from "../../sim/lib/simulation.js"
import { digester, folderInfo, torrentOf } from "../../support/torrents.js"
import { draftTorrent } from "../../support/v2-torrents.js"

const TORRENT = torrentOf(folderInfo())
const NEWER = torrentOf(folderInfo(), {
  announce: "http://other.example/announce",
  "url-list": ["http://seed.example/"],
})
const OTHER = torrentOf(folderInfo({ name: "other" }))
const KNOWN = parseTorrent(TORRENT, digester)
const INFO_HASH = KNOWN.infoHash
const HASH = toHex(INFO_HASH)
const SITE_URL = `http://site.example/download/${HASH}.torrent`
const CACHED = `/cache/torrents/${HASH}.torrent`
const DAY = 24 * 60 * 60 * 1000

/** `cut`: the answer begins, and that is all. */
type Page =
  | Uint8Array
  | number
  | HttpError
  | "silent"
  | "cut"
  | { readonly status: number; readonly retryAfter: string }

/** A web of a few pages. Bytes come in two parts, in memory that is spoilt afterwards. */
class FakeHttp implements Http {
  readonly pages = new Map<string, Page>()
  /** What is answered before that, an answer each. */
  readonly first: Page[] = []
  readonly asked: string[] = []
  /** Whether the user named what was asked for last. */
  namedByUser: boolean | undefined
  aborted = 0
  askedAt = Number.NaN
  /** ms, of the last request. */
  patience: number | undefined
  /** ms before the head of any answer. */
  delay = 0
  readonly #platform: () => SimPlatform

  constructor(platform: () => SimPlatform) {
    this.#platform = platform
  }

  get({ url, idleTimeout, namedByUser }: HttpRequest, listener: HttpListener): HttpExchange {
    this.asked.push(url)
    this.namedByUser = namedByUser
    this.patience = idleTimeout
    this.askedAt = this.#platform().clock.now()
    const page = this.first.shift() ?? this.pages.get(url) ?? 404
    let over = page === "silent"
    const step = (delay: number, fn: () => void): void => {
      this.#platform().clock.after(this.delay + delay, () => {
        if (!over) fn()
      })
    }
    step(1, () => {
      if (page instanceof HttpError) listener.onError(page)
      else if (typeof page === "object" && "status" in page) {
        listener.onHead({ status: page.status, headers: { "retry-after": page.retryAfter } })
      } else listener.onHead({ status: typeof page === "number" ? page : 200, headers: {} })
    })
    if (page === "cut") step(2, () => listener.onError(new HttpError("network", "site.example cut its answer short")))
    if (page instanceof Uint8Array) {
      for (const part of [page.slice(0, 10), page.slice(10)]) {
        step(2, () => {
          listener.onData(part)
          part.fill(0xee)
        })
      }
      step(3, () => listener.onEnd())
    }
    return {
      pause() {},
      resume() {},
      follow: () => undefined,
      abort: () => {
        this.aborted++
        over = true
      },
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

let sim: Simulation
let platform: SimPlatform
let http: FakeHttp
let context: ResolveContext

beforeEach(() => {
  sim = createSimulation({ seed: 1 })
  platform = sim.platform("10.0.0.1")
  http = new FakeHttp(() => platform)
  context = {
    platform: { ...platform, http },
    site: new Site("http://site.example/"),
    cache: new TorrentCache({ platform, directory: "/cache", datastore: "/data" }),
    offline: false,
  }
})

const resolve = (target: string, changes: Partial<ResolveContext> = {}) =>
  sim.runUntil(resolveTarget(parseTarget(target), { ...context, ...changes }))

const rejects = async (target: string, code: string, changes: Partial<ResolveContext> = {}) => {
  await expect(resolve(target, changes)).rejects.toMatchObject({
    name: "AtError",
    code,
    hint: expect.stringMatching(/./),
  })
}

describe("a dataset by its infohash", () => {
  it("comes from the site, is kept, and needs no network the next time", async () => {
    http.pages.set(SITE_URL, TORRENT)
    const first = await resolve(HASH)
    expect(first.metainfo.name).toBe("dataset")
    expect(first.torrentBytes).toEqual(TORRENT)
    expect(first.stale).toBe(false)
    expect(platform.disk.readFile(CACHED)).toEqual(TORRENT)
    const again = await resolve(HASH, { offline: true })
    expect(again.torrentBytes).toEqual(TORRENT)
    expect(http.asked).toEqual([SITE_URL])
  })

  it("is also found beside its data", async () => {
    platform.disk.putFile(`/data/.academictorrents/${HASH}/dataset.torrent`, TORRENT)
    expect((await resolve(HASH)).metainfo.name).toBe("dataset")
    expect(http.asked).toEqual([])
  })

  it("says when the kept copy is old, and uses it all the same", async () => {
    platform.disk.putFile(CACHED, TORRENT)
    await sim.run(DAY + 1000)
    expect((await resolve(HASH)).stale).toBe(true)
    expect(http.asked).toEqual([])
  })

  it.each([
    ["damaged", TORRENT.slice(0, 50)],
    ["of another dataset", OTHER],
  ])("is fetched again when the kept copy is %s", async (_, kept) => {
    platform.disk.putFile(CACHED, kept)
    http.pages.set(SITE_URL, TORRENT)
    expect((await resolve(HASH)).metainfo.name).toBe("dataset")
    expect(platform.disk.readFile(CACHED)).toEqual(TORRENT)
  })

  it("does not exist when the site does not know it", async () => {
    await rejects(HASH, "AT_NOT_FOUND")
    http.pages.set(SITE_URL, 410)
    await rejects(HASH, "AT_NOT_FOUND")
  })

  it.each<[string, Page]>([
    ["an error status", 503],
    ["a failure of the network", new HttpError("network", "connection refused")],
    ["a page of HTML", encodeUtf8("<!doctype html><p>Please log in")],
    ["a truncated .torrent", TORRENT.slice(0, -5)],
    ["the .torrent of another dataset", OTHER],
    ["nothing", new Uint8Array()],
  ])("has no metadata when the site answers with %s, and nothing is kept", async (_, page) => {
    http.pages.set(SITE_URL, page)
    await rejects(HASH, "AT_METADATA")
    expect(platform.disk.filePaths()).toEqual([])
  })

  it.each<[string, HttpFailure, string]>([
    ["a proxy may be needed", "network", "HTTPS_PROXY"],
    ["a proxy may be needed", "timeout", "HTTPS_PROXY"],
    ["a network that inspects TLS has a certificate of its own", "tls", "NODE_EXTRA_CA_CERTS"],
    ["a place inside the network has to be named", "unsafe-address", "name its URL yourself"],
  ])("says that %s when the site fails by: %s", async (_, failure, advice) => {
    http.pages.set(SITE_URL, new HttpError(failure, "no"))
    await expect(resolve(HASH)).rejects.toMatchObject({ hint: expect.stringContaining(advice) })
  })

  it.each([HASH, SITE_URL])("has arrived too late where somebody said how long to wait: %s", async (target) => {
    http.pages.set(SITE_URL, new HttpError("timeout", "nothing came for 3 s"))
    await rejects(target, "AT_STALLED", { timeout: 3_000 })
    await rejects(target, "AT_METADATA")
    http.pages.set(SITE_URL, new HttpError("network", "connection refused"))
    await rejects(target, "AT_METADATA", { timeout: 3_000 })
  })

  it.each<[string, string, ResolveContext["site"] | undefined, boolean]>([
    ["a service that the user named", HASH, undefined, true],
    ["the service as it is", HASH, new Site(undefined), false],
    ["a .torrent by its URL", "http://lab.example/a.torrent", new Site(undefined), true],
  ])("is asked inside a private network only where the user named it: %s", async (_, target, site, may) => {
    await rejects(target, "AT_NOT_FOUND", site && { site })
    expect(http.namedByUser).toBe(may)
  })

  it("stops reading an answer that is longer than any .torrent may be", async () => {
    http.pages.set(SITE_URL, new Uint8Array(100 * 2 ** 20))
    await rejects(HASH, "AT_METADATA")
    expect(http.aborted).toBe(1)
  })

  it("has no metadata offline when it was never fetched", async () => {
    http.pages.set(SITE_URL, TORRENT)
    await rejects(HASH, "AT_METADATA", { offline: true })
    expect(http.asked).toEqual([])
  })

  it("ends with its signal, and the request with it", async () => {
    http.pages.set(SITE_URL, "silent")
    const controller = new AbortController()
    let peersAsked = 0
    const fromPeers = (): undefined => void peersAsked++
    const resolving = resolveTarget(parseTarget(HASH), { ...context, signal: controller.signal, fromPeers })
    platform.clock.after(5000, () => controller.abort())
    await expect(sim.runUntil(resolving)).rejects.toMatchObject({ code: "AT_ABORTED" })
    expect(http.aborted).toBe(1)
    await rejects(HASH, "AT_ABORTED", { signal: controller.signal, fromPeers })
    expect(http.asked).toHaveLength(1)
    expect(peersAsked).toBe(0)
  })

  it("is asked for anew on demand: the site adds trackers and web seeds from day to day", async () => {
    platform.disk.putFile(CACHED, TORRENT)
    http.pages.set(SITE_URL, NEWER)
    const { metainfo, torrentBytes } = await sim.runUntil(refreshTorrent(KNOWN, context))
    expect(torrentBytes).toEqual(NEWER)
    expect(metainfo.webSeeds).toEqual(["http://seed.example/"])
    expect(platform.disk.readFile(CACHED)).toEqual(NEWER)
    // It would do without.
    expect(http.patience).toBe(5_000)
    http.pages.set(SITE_URL, OTHER)
    await expect(sim.runUntil(refreshTorrent(KNOWN, context))).rejects.toMatchObject({ code: "AT_METADATA" })
    expect(platform.disk.readFile(CACHED)).toEqual(NEWER)
  })

  it("is what the service has by now, where that is asked for; else the kept copy, and the user is told which", async () => {
    platform.disk.putFile(CACHED, TORRENT)
    const kept = await resolve(HASH)
    expect(await sim.runUntil(upToDate(kept, { ...context, offline: true }))).toBe(kept)
    expect(http.asked).toEqual([])
    expect(await sim.runUntil(upToDate(kept, context))).toBe(kept)
    expect(platform.log.lines).toMatchObject([
      { level: "notice", message: `this is the copy kept on this machine: there is no such dataset at ${SITE_URL}` },
    ])
    http.pages.set(SITE_URL, NEWER)
    const now = await sim.runUntil(upToDate(kept, context))
    expect(now).toMatchObject({ torrentBytes: NEWER, metainfo: { webSeeds: ["http://seed.example/"] } })
    // What was fetched just now, or given, is not asked for again.
    expect(await sim.runUntil(upToDate(now, context))).toBe(now)
    expect(http.asked).toHaveLength(2)
  })

  it("is found by its v2 infohash, and kept under the first half of it", async () => {
    const { torrent, info } = draftTorrent({ a: 100_000 }, { version: "v2" })
    const full = toHex(digester.digest("sha256", info))
    await rejects(full, "AT_NOT_FOUND")
    http.pages.set(`http://site.example/download/${full.slice(0, 40)}.torrent`, torrent)
    const found = await sim.runUntil(resolveTarget(parseTarget(full), context))
    expect(toHex(found.metainfo.infoHashV2!)).toBe(full)
    http.pages.clear()
    const link = `magnet:?xt=urn:btmh:1220${full}`
    expect((await sim.runUntil(resolveTarget(parseTarget(link), context))).torrentBytes).toEqual(torrent)
    // The second half counts, too.
    const other = full.slice(0, 40) + "0".repeat(24)
    http.pages.set(`http://site.example/download/${full.slice(0, 40)}.torrent`, torrent)
    await rejects(other, "AT_METADATA")
  })

  it("of a hybrid must be both that the link names", async () => {
    const { torrent, info } = draftTorrent({ a: 100_000 }, { version: "hybrid" })
    const v1 = toHex(digester.digest("sha1", info))
    const full = toHex(digester.digest("sha256", info))
    http.pages.set(`http://site.example/download/${v1}.torrent`, torrent)
    const link = `magnet:?xt=urn:btih:${v1}&xt=urn:btmh:1220`
    const { metainfo } = await sim.runUntil(resolveTarget(parseTarget(link + full), context))
    expect(metainfo.version).toBe("hybrid")
    await rejects(link + "0".repeat(64), "AT_METADATA")
  })
})

describe("a dataset that the site can't help with", () => {
  const wanted: Wanted[] = []
  const fromPeers = (wish: Wanted): Promise<Uint8Array> => {
    wanted.push(wish)
    return Promise.resolve(torrentOf(folderInfo(), {}))
  }

  it.each<[string, Page]>([
    ["does not know it", 404],
    ["is out of order", 503],
    ["can't be reached", new HttpError("network", "connection refused")],
    ["has another in its place", OTHER],
  ])("comes from peers when the site %s, and is kept", async (_, page) => {
    wanted.length = 0
    http.pages.set(SITE_URL, page)
    const { metainfo } = await resolve(`magnet:?xt=urn:btih:${HASH}&x.pe=10.0.0.7:6881`, { fromPeers })
    expect(toHex(metainfo.infoHash)).toBe(HASH)
    expect(wanted[0]).toMatchObject({ infoHash: INFO_HASH, hints: { peers: [{ host: "10.0.0.7", port: 6881 }] } })
    expect(wanted[0]?.matches(metainfo.infoBytes)).toBe(true)
    expect(wanted[0]?.matches(metainfo.infoBytes.subarray(1))).toBe(false)
    expect(platform.disk.readFile(CACHED)).toEqual(torrentOf(folderInfo(), {}))
    expect((await resolve(HASH, { offline: true })).metainfo.name).toBe("dataset")
  })

  it("by its v2 infohash takes no other metadata from peers", async () => {
    wanted.length = 0
    const { torrent, info } = draftTorrent({ a: 100_000 }, { version: "v2" })
    const giving = (wish: Wanted): Promise<Uint8Array> => {
      wanted.push(wish)
      return Promise.resolve(torrent)
    }
    await resolve(toHex(digester.digest("sha256", info)), { fromPeers: giving })
    expect(wanted[0]?.matches(info)).toBe(true)
    expect(wanted[0]?.matches(info.subarray(1))).toBe(false)
  })

  it("does not trouble peers when the site has it, or nobody is there to ask", async () => {
    wanted.length = 0
    http.pages.set(SITE_URL, TORRENT)
    await resolve(HASH, { fromPeers })
    expect(wanted).toEqual([])
    http.pages.delete(SITE_URL)
    await sim.runUntil(platform.disk.remove(CACHED))
    await rejects(HASH, "AT_NOT_FOUND", { fromPeers: () => undefined })
  })
})

describe("a service that has no time", () => {
  const BUSY = { status: 503, retryAfter: "2" }

  it.each<[string, Page[], number]>([
    ["answers 500", [500], 1_000],
    ["answers 502, and 504 again", [502, 504], 4_000],
    ["finds us too fast", [{ status: 429, retryAfter: "7" }], 7_000],
    ["says when to come back", [BUSY], 2_000],
    ["wants us back at once", [{ status: 503, retryAfter: "0" }], 1_000],
    ["cuts its answer short", ["cut", "cut"], 4_000],
  ])("is asked again when it %s", async (_, first, pause) => {
    http.pages.set(SITE_URL, TORRENT)
    http.first.push(...first)
    const begin = platform.clock.now()
    expect((await resolve(HASH)).metainfo.name).toBe("dataset")
    expect(http.asked).toHaveLength(first.length + 1)
    expect(http.askedAt - begin).toBeGreaterThanOrEqual(pause)
    expect(http.askedAt - begin).toBeLessThan(pause + 100)
    expect(platform.clock.pendingTimers).toBe(0)
  })

  it.each<[string, Page, number, Partial<ResolveContext>]>([
    ["after two more tries", 503, 3, {}],
    ["when that is not for the moment", 403, 1, {}],
    ["when it can't be reached", new HttpError("network", "no answer from site.example"), 1, {}],
    ["when it wants to be left alone for long", { status: 429, retryAfter: "3600" }, 1, {}],
    ["when its user has no patience", 503, 1, { timeout: 500 }],
  ])("is given up %s", async (_, page, times, changes) => {
    http.pages.set(SITE_URL, page)
    await rejects(HASH, "AT_METADATA", changes)
    expect(http.asked).toHaveLength(times)
  })

  it("leaves it to peers when it has none for three times", async () => {
    http.pages.set(SITE_URL, 503)
    expect((await resolve(HASH, { fromPeers: async () => TORRENT })).metainfo.name).toBe("dataset")
    expect(http.asked).toHaveLength(3)
  })

  it("says how long it wants to be left alone", async () => {
    http.pages.set(SITE_URL, { status: 429, retryAfter: "3600" })
    await expect(resolve(HASH)).rejects.toMatchObject({ hint: expect.stringContaining("in 3600 s") })
  })

  it("is asked once for what we can do without", async () => {
    http.pages.set(SITE_URL, NEWER)
    http.first.push(503)
    await expect(sim.runUntil(refreshTorrent(KNOWN, context))).rejects.toMatchObject({ code: "AT_METADATA" })
    expect(http.asked).toHaveLength(1)
  })

  it("can be waited for no longer, at any moment", async () => {
    http.pages.set(SITE_URL, BUSY)
    const stopping = new AbortController()
    platform.clock.after(1_500, () => stopping.abort())
    await rejects(HASH, "AT_ABORTED", { signal: stopping.signal })
    expect(platform.clock.now()).toBeLessThan(2_000)
    expect(platform.clock.pendingTimers).toBe(0)
  })
})

describe("an answer that does not come", () => {
  function listen() {
    const heard: { at: number; progress: ProgressSnapshot }[] = []
    const { clock } = platform
    const feed = new ProgressFeed(clock, (progress) => heard.push({ at: clock.now() - http.askedAt, progress }))
    const end = (): void => {
      feed.end()
      expect(clock.pendingTimers).toBe(0)
    }
    return { feed, heard, end }
  }

  it("is named after two seconds, until it is there", async () => {
    http.pages.set(SITE_URL, TORRENT)
    http.delay = 5_000
    const { feed, heard, end } = listen()
    await resolve(HASH, { feed })
    await sim.run(1_000)
    end()
    expect(heard[0]).toMatchObject({
      at: 2_000,
      progress: {
        state: "metadata",
        name: `the dataset ${HASH}`,
        infoHash: HASH,
        doneBytes: 0,
        waitingFor: "an answer from site.example",
      },
    })
    expect(heard.length).toBeGreaterThan(1)
    expect(heard.at(-1)?.at).toBeLessThanOrEqual(5_003)
  })

  it("is not worth a word when it comes sooner, and leaves no timer behind", async () => {
    http.pages.set(SITE_URL, TORRENT)
    http.delay = 1_990
    const { feed, heard, end } = listen()
    await resolve(HASH, { feed })
    expect(platform.clock.pendingTimers).toBe(0)
    await sim.run(5_000)
    end()
    expect(heard).toEqual([])
  })

  it("is no longer waited for once peers are asked", async () => {
    http.delay = 3_000
    const { feed, heard, end } = listen()
    let failedAt = Number.POSITIVE_INFINITY
    const fromPeers = async (): Promise<Uint8Array> => {
      failedAt = heard.length
      await new Promise<void>((resume) => platform.clock.after(5_000, resume))
      return TORRENT
    }
    await resolve(HASH, { feed, fromPeers })
    expect(failedAt).toBeGreaterThan(0)
    expect(heard).toHaveLength(failedAt)
    end()
  })

  it("leaves no timer behind when the user has stopped it", async () => {
    const { feed, heard, end } = listen()
    http.pages.set("http://mirror.example/a.torrent", "silent")
    const controller = new AbortController()
    platform.clock.after(1_000, () => controller.abort())
    await rejects("http://mirror.example/a.torrent", "AT_ABORTED", { feed, signal: controller.signal })
    expect(platform.clock.pendingTimers).toBe(0)
    end()
    expect(heard).toEqual([])
  })

  it("of a URL is named by its host, and no secret of it", async () => {
    const url = "http://user:hunter2@mirror.example:8080/a.torrent"
    http.pages.set(url, OTHER)
    http.delay = 2_500
    const { feed, heard, end } = listen()
    await resolve(url, { feed })
    end()
    expect(heard[0]?.progress).toMatchObject({ infoHash: "", waitingFor: "an answer from mirror.example:8080" })
    expect(JSON.stringify(heard)).not.toContain("hunter2")
  })

  it("is named as well when a kept .torrent is asked for anew", async () => {
    http.pages.set(SITE_URL, NEWER)
    http.delay = 2_500
    const { feed, heard, end } = listen()
    await sim.runUntil(refreshTorrent(KNOWN, { ...context, feed }))
    end()
    expect(heard[0]?.progress).toMatchObject({ name: "dataset", waitingFor: "an answer from site.example" })
  })
})

describe("a dataset by other names", () => {
  it("a magnet link adds its hints", async () => {
    http.pages.set(SITE_URL, TORRENT)
    const link = `magnet:?xt=urn:btih:${HASH}&tr=http%3A%2F%2Ft.example%2Fannounce&ws=http%3A%2F%2Fw.example%2F&x.pe=10.0.0.7:6881`
    const { hints, selectOnly } = await resolve(link)
    expect(selectOnly).toBeNull()
    expect(hints.trackers).toEqual(["http://t.example/announce"])
    expect(hints.webSeeds).toEqual(["http://w.example/"])
    expect(hints.peers).toEqual([{ host: "10.0.0.7", port: 6881 }])
  })

  it("a magnet link says which files it means", async () => {
    http.pages.set(SITE_URL, TORRENT)
    const { selectOnly } = await resolve(`magnet:?xt=urn:btih:${HASH}&so=0,4-6`)
    expect(selectOnly).toEqual([
      { first: 0, last: 0 },
      { first: 4, last: 6 },
    ])
  })

  it("a URL is fetched, whatever dataset it is", async () => {
    http.pages.set("http://mirror.example/a.torrent", OTHER)
    expect((await resolve("http://mirror.example/a.torrent")).metainfo.name).toBe("other")
    await rejects("http://mirror.example/b.torrent", "AT_NOT_FOUND")
    // No infohash was given that could be wrong.
    await expect(resolve("http://mirror.example/b.torrent")).rejects.toMatchObject({ hint: "check the URL" })
    await rejects("http://mirror.example/a.torrent", "AT_METADATA", { offline: true })
  })

  it("says no secret of a URL", async () => {
    const failure = resolve("http://user:hunter2@mirror.example/a.torrent")
    await expect(failure).rejects.toThrow(expect.objectContaining({ message: expect.not.stringContaining("hunter2") }))
  })

  it("a path is read, offline too", async () => {
    platform.disk.putFile("/home/a.torrent", TORRENT)
    const { metainfo, torrentBytes } = await resolve("/home/a.torrent", { offline: true })
    expect(toHex(metainfo.infoHash)).toBe(HASH)
    expect(torrentBytes).toEqual(TORRENT)
  })

  it("a path that leads nowhere, or not to a .torrent, is an error that says so", async () => {
    await rejects("/home/missing.torrent", "AT_NOT_FOUND")
    platform.disk.putFile("/home/notes.txt", encodeUtf8("hello"))
    await rejects("/home/notes.txt", "AT_METADATA")
    const handle = await sim.runUntil(platform.disk.open("/home/notes.txt", "write"))
    await sim.runUntil(handle.truncate(2 ** 31))
    const before = platform.disk.operations.length
    await rejects("/home/notes.txt", "AT_METADATA")
    expect(platform.disk.operations.slice(before).map(({ kind }) => kind)).not.toContain("read")
  })
})
