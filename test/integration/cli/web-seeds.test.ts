import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { fileAnswer, type RoughAnswer, type RoughRequest, startRoughServer } from "../../support/rough-web-server.js"
import { differences } from "../../support/trees.js"
import { jsonLines } from "./command.js"
import { type Original, Stage } from "./stage.js"

const KiB = 1024
const MiB = 1024 * KiB
const LENGTH = 6 * MiB + 12_345
const PIECE = 256 * KiB
/** Bytes a second: the file would take an hour. */
const TRICKLE = 2_000
const BRISK = 1_000_000

type Serve = (request: RoughRequest, honest: RoughAnswer) => RoughAnswer

/** A published dataset that no peer has, and one web server for each of `serves`, with its files below `/`. */
async function open(files: Readonly<Record<string, number>> | number, serves: readonly Serve[], host?: string) {
  const stage = await Stage.open({ announce: "none" })
  const name = typeof files === "number" ? "one.bin" : "data"
  const dataset = await stage.publish(name, files, { create: { pieceLength: PIECE } })
  const bytes = new Map<string, Uint8Array>()
  for (const path of typeof files === "number" ? [""] : Object.keys(files))
    bytes.set(join("/", name, path), await readFile(join(dataset.source, path)))
  const servers = await Promise.all(
    serves.map((serve) =>
      startRoughServer((request) => {
        const file = bytes.get(decodeURIComponent(request.target))
        return serve(request, file === undefined ? { status: 404 } : fileAnswer(file, request))
      }, host),
    ),
  )
  return {
    ...{ stage, dataset, servers },
    urls: servers.map(({ origin }) => (typeof files === "number" ? `${origin}/${name}` : `${origin}/`)),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()))
      await stage[Symbol.asyncDispose]()
    },
  }
}

/** Gets it to the end and compares every byte. Returns the bytes that came and were of no use. */
async function get(
  { stage, dataset, urls }: { stage: Stage; dataset: Original; urls: readonly string[] },
  options: readonly string[] = [],
) {
  const line = ["get", stage.torrentFile(dataset), "--json", ...urls.map((url) => `--url=${url}`), ...options]
  const { stdout, stderr } = await stage.run(line, { maxSeconds: 110 })
  expect(await differences(dataset.source, stage.stored(dataset.name))).toEqual([])
  const progress = jsonLines(stdout).findLast(({ type }) => type === "progress")
  return { wasted: Number(progress?.["wasted"]), stderr }
}

const honest: Serve = (_, answer) => answer
const brisk: Serve = (_, answer) => ({ ...answer, rate: () => BRISK })
const trickling: Serve = (_, answer) => ({ ...answer, rate: () => TRICKLE })

describe("a web seed whose answers trickle", () => {
  it("on two connections at once is asked on others", async () => {
    const serve: Serve = (request, answer) => (request.connection < 2 ? trickling : honest)(request, answer)
    await using scene = await open(LENGTH, [serve])
    expect((await get(scene)).wasted).toBeLessThan(0.01 * LENGTH)
  })

  it("on three connections in the middle is asked on others", async () => {
    const serve: Serve = (request, answer) =>
      [1, 2, 3].includes(request.connection) ? trickling(request, answer) : { ...brisk(request, answer), closes: true }
    await using scene = await open(LENGTH, [serve])
    expect((await get(scene)).wasted).toBeLessThan(0.01 * LENGTH)
  })

  it("gives its runs to a faster one", async () => {
    await using scene = await open(LENGTH, [trickling, brisk])
    expect((await get(scene)).wasted).toBeLessThan(0.01 * LENGTH)
  })

  it("for ten seconds, and recovers, is left at it", async () => {
    let start: number | undefined
    const wavering: Serve = (_, answer) => {
      start ??= performance.now()
      const elapsed = () => performance.now() - start!
      return { ...answer, rate: () => (elapsed() > 2_000 && elapsed() < 12_000 ? TRICKLE : BRISK / 2) }
    }
    await using scene = await open(2 * LENGTH, [wavering])
    expect((await get(scene)).wasted).toBeLessThan(0.01 * LENGTH)
  })
})

describe("mirrors", () => {
  it("of which one has wrong bytes in places: that one is found, and the others are not", async () => {
    const wrong: Serve = (request, answer) => {
      const from = request.range?.from ?? 0
      const body = answer.body?.map((byte, at) => ((from + at) % MiB === 5 ? byte ^ 1 : byte)) ?? new Uint8Array()
      return { ...brisk(request, answer), body }
    }
    await using scene = await open(2 * LENGTH, [brisk, wrong, brisk])
    const { stderr } = await get(scene, ["--verbose"])
    const [first, bad, third] = scene.servers.map(({ origin }) => origin)
    expect(stderr).toMatch(new RegExp(`${bad}\\S* sent a wrong piece`))
    for (const good of [first, third])
      expect(stderr).not.toMatch(new RegExp(`${good}\\S* (sent a wrong piece|is not used)`))
  })
})

const counted = (serve: (request: RoughRequest, answer: RoughAnswer, count: number) => RoughAnswer) => (): Serve => {
  let count = 0
  return (request, answer) => serve(request, answer, count++)
}
const servers: Record<string, () => Serve> = {
  "HTTP/1.0, closing unannounced": () => (_, answer) => ({ ...answer, version: "1.0", closes: true }),
  "HTTP/1.0 and no length": () => (_, answer) => ({ ...answer, version: "1.0", framing: "close" }),
  chunks: () => (_, answer) => ({ ...answer, framing: "chunked" }),
  "neither length nor chunks": () => (_, answer) => ({ ...answer, framing: "close" }),
  "connections that end between requests": () => (_, answer) => ({ ...answer, closes: true }),
  "answers that are cut": () => (_, answer) => ({ ...answer, cutAfter: 300_000 }),
  "503 at first": counted((_, answer, count) =>
    count < 2 ? { status: 503, headers: { "retry-after": "1" } } : answer,
  ),
  "429 now and then": counted((_, answer, count) =>
    count % 3 === 1 ? { status: 429, headers: { "retry-after": "1" } } : answer,
  ),
}

describe("a real server with", () => {
  it.each(Object.entries(servers))("%s is enough for a file, and no byte is of no use", async (_, serve) => {
    await using scene = await open(LENGTH, [serve()])
    expect((await get(scene)).wasted).toBe(0)
  })

  const FILES = { "a/empty": 0, "a/small": 1, b: PIECE, "c d/ü#&%25 [x].bin": 900_001, "c d/empty too": 0, z: 3 * MiB }
  it.each([
    ["HTTP/1.0", "1.0", "close"],
    ["chunks", "1.1", "chunked"],
    ["lengths", "1.1", "length"],
  ] as const)("no ranges and %s is enough for a folder with empty files", async (_, version, framing) => {
    const bodies = new Map<string, Uint8Array>()
    const whole: Serve = ({ target }) => {
      const body = bodies.get(decodeURIComponent(target))
      return body === undefined ? { status: 404 } : { body, version, framing }
    }
    await using scene = await open(FILES, [whole])
    for (const path of Object.keys(FILES)) bodies.set(`/data/${path}`, await readFile(join(scene.dataset.source, path)))
    await get(scene)
    expect(scene.servers[0]!.requests.some(({ target }) => target.includes("empty"))).toBe(false)
  })

  it("an IPv6 address is enough", async () => {
    await using scene = await open(FILES, [honest], "::1")
    expect(scene.urls[0]).toContain("[::1]")
    expect((await get(scene)).wasted).toBe(0)
  })
})

it("a redirect to another server is followed, for each file", async () => {
  await using scene = await open({ a: 100_000, b: 200_000 }, [honest])
  const { origin } = scene.servers[0]!
  await using front = await startRoughServer(({ target }) => ({ status: 302, headers: { location: origin + target } }))
  expect((await get({ ...scene, urls: [`${front.origin}/`] })).wasted).toBe(0)
})

it.each([1, 3])("a server that serves %i at a time is not left alone for asking for more", async (most) => {
  let busy = 0
  const limited: Serve = (request, answer) => {
    if (busy === most) return { status: 503 }
    busy++
    return { ...brisk(request, answer), onEnd: () => busy-- }
  }
  await using scene = await open(2 * LENGTH, [limited])
  const { stderr } = await get(scene, ["-vv"])
  expect(stderr).toContain(`serves ${most} at a time`)
  expect(stderr).not.toMatch(/waits \d+ s/)
})
