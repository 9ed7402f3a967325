import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { startWebSeed, type WebSeed, type WebSeedFault } from "../../../testbed/web-seed.js"
import { SMALL } from "./small-torrent.js"

let folder: string
let webSeed: WebSeed
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "web-seed-"))
  await writeFile(join(folder, "a b.bin"), SMALL)
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => webSeed.close())

async function start(fault?: WebSeedFault): Promise<void> {
  webSeed = await startWebSeed({ mounts: { set: folder }, fault: () => fault })
}

function get(range?: string, headers: Record<string, string> = {}): Promise<Response> {
  const all = range === undefined ? headers : { ...headers, range: `bytes=${range}` }
  return fetch(`${webSeed.url}/set/a%20b.bin`, { headers: all })
}

async function bodyOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer())
}

describe("the web seed", () => {
  it("serves the range that was asked for, and counts it", async () => {
    await start()
    const answer = await get("100-299")
    expect([answer.status, answer.headers.get("content-range")]).toEqual([206, "bytes 100-299/40000"])
    expect((await bodyOf(answer)).equals(SMALL.subarray(100, 300))).toBe(true)
    expect([webSeed.bytesServed, webSeed.bytesOf.get("set/a b.bin")]).toEqual([200, 200])
    expect(webSeed.requests).toMatchObject([{ path: "set/a b.bin", start: 100, end: 300, ranged: true, before: 0 }])
  })

  it("serves the whole file without a range, or when If-Range names another version", async () => {
    await start()
    const whole = await get()
    expect((await bodyOf(whole)).equals(SMALL)).toBe(true)
    const etag = whole.headers.get("etag")!
    expect((await get("0-9", { "if-range": etag })).status).toBe(206)
    webSeed.version = "2"
    expect((await get("0-9", { "if-range": etag })).status).toBe(200)
  })

  it("serves nothing above its folders, and 416 beyond the end", async () => {
    await start()
    expect((await fetch(`${webSeed.url}/set/..%2f..%2fetc%2fpasswd`)).status).toBe(404)
    expect((await fetch(`${webSeed.url}/set`)).status).toBe(404)
    expect((await get("40000-40010")).status).toBe(416)
  })

  it.each<[WebSeedFault, number, number]>([
    [{ kind: "status", status: 503, retryAfter: "9" }, 503, 10],
    [{ kind: "no-ranges" }, 200, 40_000],
    [{ kind: "wrong-bytes" }, 206, 200],
    [{ kind: "empty" }, 206, 0],
    [{ kind: "content-range", value: "bytes 0-199/40000" }, 206, 200],
    [{ kind: "longer", by: 50 }, 206, 250],
  ])("answers %o with its status and so many bytes", async (fault, status, length) => {
    await start(fault)
    const answer = await get("100-299")
    const body = await bodyOf(answer)
    expect([answer.status, body.length]).toEqual([status, length])
    if (fault.kind === "wrong-bytes") expect(body.equals(SMALL.subarray(100, 300))).toBe(false)
  })

  it("cuts a body", async () => {
    await start({ kind: "cut", after: 50 })
    await expect(get("100-299").then(bodyOf)).rejects.toThrow()
    expect(webSeed.bytesServed).toBe(50)
  })
})
