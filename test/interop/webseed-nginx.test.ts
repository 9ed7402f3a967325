import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Metainfo } from "../../src/metainfo/metainfo.js"
import { rawPath } from "../../src/metainfo/raw-path.js"
import { parseTorrent } from "../../src/metainfo/torrent-file.js"
import { createPlatform, type NodePlatform } from "../../src/node/platform.js"
import { RangeSession } from "../../src/webseed/range-session.js"
import type { WebSeedFault } from "../../src/webseed/run-listener.js"
import { WebSeed } from "../../src/webseed/web-seed.js"
import { describeWith, nginx } from "../support/partners/index.js"
import { freePort } from "../support/ports.js"
import { digester } from "../support/torrents.js"
import { makeTorrent, randomTree } from "../support/trees.js"

const MiB = 1024 * 1024
const SMALL_FILES = 300

describeWith("nginx as a web seed", [nginx], () => {
  let platform: NodePlatform
  let server: Awaited<ReturnType<typeof nginx.start>>
  let root: string
  /** A folder of names that URLs don't like, small files, an empty one and a large one. */
  let folder: Metainfo
  let content: Buffer

  beforeAll(async () => {
    platform = createPlatform()
    root = await mkdtemp(join(tmpdir(), "webseed-"))
    const small = Array.from({ length: SMALL_FILES }, (_, i) => [`small/${String(i).padStart(4, "0")}`, 1 + 37 * i])
    await randomTree(join(root, "data [set]"), {
      "a b#c?d%41+[e].csv": 100_000,
      "empty.txt": 0,
      "große/データ": 70_000,
      ...Object.fromEntries(small),
      "z.bin": 24 * MiB,
    })
    const torrent = await makeTorrent(join(root, "data [set]"), { pieceLength: 256 * 1024 })
    folder = parseTorrent(torrent.bytes, digester)
    content = Buffer.concat(
      await Promise.all(
        folder.layout.files.map((_, file) => readFile(join(root, "data [set]", rawPath(folder, file)))),
      ),
    )
    server = await nginx.start({ root })
  })

  afterAll(async () => {
    await server?.stop()
    await platform?.close()
    await rm(root, { recursive: true, force: true })
  })

  function seedAt(url: string, metainfo = folder): WebSeed {
    return new WebSeed({ url, metainfo, clock: platform.clock, random: platform.random, log: platform.log })
  }

  /** The bytes of a run and how it ended. `onBytes` may do something to it. */
  function run(
    seed: WebSeed,
    offset: number,
    end: number,
    onBytes: (session: RangeSession) => void = () => {},
  ): Promise<{ bytes: Buffer; outcome: "done" | WebSeedFault }> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = []
      const finish = (outcome: "done" | WebSeedFault): void => resolve({ bytes: Buffer.concat(chunks), outcome })
      const session: RangeSession = new RangeSession({
        seed,
        http: platform.http,
        clock: platform.clock,
        offset,
        end,
        listener: {
          onBytes: (chunk) => {
            chunks.push(Buffer.from(chunk))
            onBytes(session)
          },
          onDone: () => finish("done"),
          onFault: finish,
        },
      })
      session.start()
    })
  }

  it("gives a folder with any names, in one run over all its files", async () => {
    const seed = seedAt(server.url)
    const { bytes, outcome } = await run(seed, 0, folder.layout.length)
    expect(outcome).toBe("done")
    expect(bytes.equals(content)).toBe(true)
    expect(seed.downloaded).toBe(content.length)
    expect(seed.concurrency.active).toBe(0)
  })

  it("gives any part, from several runs beside each other", async () => {
    const seed = seedAt(server.url)
    const cuts = [0, 12_345, 99_999, 100_001, 300_000, 2 * MiB, 2 * MiB + 1, 9 * MiB, folder.layout.length]
    const runs = await Promise.all(cuts.slice(1).map((end, at) => run(seed, cuts[at]!, end)))
    expect(runs.every(({ outcome }) => outcome === "done")).toBe(true)
    expect(Buffer.concat(runs.map(({ bytes }) => bytes)).equals(content)).toBe(true)
    expect(seed.rangesSupported).toBe(true)
  })

  it("is held up by a pause, and goes on", async () => {
    const { bytes, outcome } = await run(seedAt(server.url), 0, folder.layout.length, (session) => {
      session.pause()
      setImmediate(() => session.resume())
    })
    expect(outcome).toBe("done")
    expect(bytes.equals(content)).toBe(true)
  })

  it("stops where a run is shortened to, much or little being left of the answer", async () => {
    for (const left of [10 * MiB, 1_000]) {
      const end = folder.layout.length - left
      const { bytes, outcome } = await run(seedAt(server.url), 3 * MiB, folder.layout.length, (session) =>
        session.shorten(end),
      )
      expect(outcome).toBe("done")
      expect(bytes.equals(content.subarray(3 * MiB, end))).toBe(true)
    }
  })

  it("gives a single file at its own URL, and below one that ends in a slash", async () => {
    const path = join(root, "one file.bin")
    await writeFile(path, content.subarray(0, 3 * MiB))
    const metainfo = parseTorrent((await makeTorrent(path)).bytes, digester)
    for (const url of [`${server.url}one file.bin`, `${server.url}one%20file.bin`, server.url]) {
      const { bytes, outcome } = await run(seedAt(url, metainfo), MiB, 3 * MiB)
      expect(outcome).toBe("done")
      expect(bytes.equals(content.subarray(MiB, 3 * MiB))).toBe(true)
    }
  })

  it("lacks just the files that are missing or of another size", async () => {
    const other = join(root, "other")
    await randomTree(join(other, "data [set]"), { "z.bin": 1_000, "empty.txt": 0 })
    const seed = seedAt(`${server.url}other/`)
    const { files } = folder.layout
    const large = files.find(({ path }) => path === "z.bin")!
    const { outcome } = await run(seed, large.offset, large.offset + MiB)
    expect(outcome).toMatchObject({ kind: "file-missing", message: expect.stringContaining("1000 bytes instead of") })
    expect(seed.hasPiece(folder.layout.pieceCount - 1)).toBe(false)
    expect(seed.hasPiece(0)).toBe(true)
    expect((await run(seed, 0, 100)).outcome).toMatchObject({ kind: "file-missing" })
    expect(seed.hasPiece(0)).toBe(false)
    expect(seed.state.kind).toBe("ready")
  })

  it("waits and is not given up when nobody listens there", async () => {
    const seed = seedAt(`http://127.0.0.1:${await freePort()}/`)
    expect((await run(seed, 0, 100)).outcome).toMatchObject({ kind: "interrupted" })
    expect(seed.state.kind).toBe("waiting")
  })
})
