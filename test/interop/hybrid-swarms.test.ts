import { createHash } from "node:crypto"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { spans } from "../../testbed/bencode.js"
import { type Netns, netnsMissing, openNetns } from "../support/netns.js"
import { academictorrents, describeWith, libtorrent, opentracker, rtorrent } from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const [OURS, V1, V2] = ["10.77.0.1", "10.77.0.2", "10.77.0.3"] as const
const maxSeconds = 90
const limits = { timeout: 180_000 }

// Each infohash of a hybrid (BEP 52) has a tracker of its own, which refuses the other. Only we are at both: who is at the one
// has nothing from who is at the other but by us.
describeWith("a hybrid's two swarms", [rtorrent, libtorrent, opentracker, { missing: netnsMissing }], () => {
  let folder: string
  let sample: Sample
  let netns: Netns
  let trackers: Record<"v1" | "v2", { url: string; seeded: () => Promise<void> }>
  const closing: (() => Promise<void>)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-hybrid-"))
    const plain = await sampleOf(folder, "large.bin", 3_000_001, 64 * 1024)
    const created = await academictorrents.create(plain.path, join(folder, "hybrid.torrent"), ["--hybrid"])
    sample = { ...plain, ...created }
  })

  beforeEach(async () => {
    netns = await openNetns([OURS, V1, V2])
    closing.push(() => netns.close())
    const info = spans(await readFile(sample.torrentPath)).get("info")!
    const trackerOf = async (algorithm: "sha1" | "sha256") => {
      // Of v2's it has the first twenty bytes.
      const infoHash = createHash(algorithm).update(info).digest("hex").slice(0, 40)
      const tracker = await opentracker.start({ infoHashes: [infoHash], host: OURS, netns })
      closing.push(() => tracker.stop())
      return { url: tracker.httpUrl, seeded: () => tracker.seeded(infoHash) }
    }
    trackers = { v1: await trackerOf("sha1"), v2: await trackerOf("sha256") }
  })

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** We get it, and go on giving. */
  async function between(): Promise<void> {
    const { torrentPath, path, name } = sample
    const outDir = await mkdtemp(join(folder, "ours-"))
    const ours = await academictorrents.get({
      ...{ torrentPath, outDir, host: OURS, netns, maxSeconds: 2 * maxSeconds },
      ...{ tracker: trackers.v1.url, secondTracker: trackers.v2.url },
      // The two must not hear of each other.
      options: ["--seed", "--no-pex"],
    })
    closing.push(() => ours.stop())
    await ours.program.until(/"state":"seeding"/, maxSeconds)
    expect(await differences(path, join(outDir, name))).toEqual([])
  }

  it("has a seed in that of v2 alone: we get it, and who knows v1 alone gets it from us", limits, async () => {
    const { torrentPath, dataDir, path, name } = sample
    const { v1, v2 } = trackers
    const seed = await libtorrent.seed({
      torrentPath,
      dataDir,
      tracker: v2.url,
      host: V2,
      netns,
      maxSeconds: 2 * maxSeconds,
    })
    closing.push(() => seed.stop())
    await v2.seeded()
    await between()
    await v1.seeded()
    const outDir = await mkdtemp(join(folder, "theirs-"))
    await rtorrent.download({ torrentPath, outDir, tracker: v1.url, host: V1, netns, maxSeconds })
    expect(await differences(path, join(outDir, name))).toEqual([])
  })

  it("has a seed in that of v1 alone: we get it, and who knows v2 alone gets it from us", limits, async () => {
    const { torrentPath, dataDir, path, name } = sample
    const { v1, v2 } = trackers
    const seed = await rtorrent.seed({
      torrentPath,
      dataDir,
      tracker: v1.url,
      host: V1,
      netns,
      maxSeconds: 2 * maxSeconds,
    })
    closing.push(() => seed.stop())
    await v1.seeded()
    await between()
    await v2.seeded()
    const outDir = await mkdtemp(join(folder, "theirs-"))
    await libtorrent.download({ torrentPath, magnet: "v2", outDir, tracker: v2.url, host: V2, netns, maxSeconds })
    expect(await differences(path, join(outDir, name))).toEqual([])
  })
})
