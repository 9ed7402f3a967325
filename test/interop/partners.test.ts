import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestbed } from "../../testbed/testbed.js"
import { type Netns, netnsMissing, openNetns } from "../support/netns.js"
import {
  aria2,
  describeWith,
  libtorrent,
  nginx,
  opentracker,
  type Partner,
  rtorrent,
  transmission,
} from "../support/partners/index.js"
import { differences, makeTorrent, randomTree } from "../support/trees.js"

// The partners against each other and against the testbed: what fails here is a driver's fault, not ours.

let folder: string
let data: string
let torrentPath: string
let infoHash: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "partners-"))
  data = join(folder, "data")
  await randomTree(join(data, "set"), { "a.bin": 1_500_000, "empty.txt": 0, "sub/b c.csv": 123_457, "sub/[d].bin": 1 })
  const torrent = await makeTorrent(join(data, "set"), { pieceLength: 64 * 1024, output: join(folder, "set.torrent") })
  torrentPath = torrent.torrentPath
  infoHash = torrent.infoHash
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function emptyFolder(): Promise<string> {
  return mkdtemp(join(folder, "out-"))
}

async function expectSame(outDir: string, except: readonly string[] = []): Promise<void> {
  expect(await differences(join(data, "set"), join(outDir, "set"))).toEqual(except)
}

const network = { missing: netnsMissing }

const pairs: readonly { seeder: Partner; downloader: Partner }[] = [
  { seeder: libtorrent, downloader: libtorrent },
  { seeder: libtorrent, downloader: aria2 },
  { seeder: aria2, downloader: libtorrent },
  { seeder: libtorrent, downloader: rtorrent },
  { seeder: rtorrent, downloader: libtorrent },
]

for (const { seeder, downloader } of pairs) {
  describeWith(`${downloader.name} from ${seeder.name}`, [seeder, downloader], () => {
    it("brings every byte", async () => {
      const outDir = await emptyFolder()
      const source = await seeder.seed({ torrentPath, dataDir: data })
      try {
        await downloader.download({ torrentPath, outDir, peers: [source] })
      } finally {
        await source.stop()
      }
      await expectSame(outDir)
    })
  })
}

describeWith("transmission and libtorrent in a namespace", [transmission, libtorrent, network], () => {
  let netns: Netns
  beforeAll(async () => {
    netns = await openNetns(["10.77.0.1", "10.77.0.2"])
  })
  afterAll(() => netns.close())

  for (const [seeder, downloader] of [
    [libtorrent, transmission],
    [transmission, libtorrent],
  ] as const) {
    it(`brings every byte from ${seeder.name} to ${downloader.name}`, async () => {
      const outDir = await emptyFolder()
      const source = await seeder.seed({ torrentPath, dataDir: data, host: "10.77.0.1", netns })
      try {
        await downloader.download({ torrentPath, outDir, host: "10.77.0.2", netns, peers: [source] })
      } finally {
        await source.stop()
      }
      await expectSame(outDir, downloader === transmission ? ["only in the first: empty.txt"] : [])
    })
  }
})

describeWith("nginx as the only source", [nginx, libtorrent, aria2], () => {
  for (const downloader of [libtorrent, aria2]) {
    it(`is enough for ${downloader.name}`, async () => {
      const outDir = await emptyFolder()
      const server = await nginx.start({ root: data })
      const output = join(folder, "nginx.torrent")
      try {
        await makeTorrent(join(data, "set"), { pieceLength: 64 * 1024, webSeeds: [server.url], output })
        await downloader.download({ torrentPath: output, outDir, webSeeds: true })
      } finally {
        await server.stop()
      }
      await expectSame(outDir)
    })
  }
})

describeWith("opentracker", [opentracker, libtorrent], () => {
  for (const via of ["httpUrl", "udpUrl"] as const) {
    it(`brings two together by its ${via}`, async () => {
      const outDir = await emptyFolder()
      const tracker = await opentracker.start({ infoHashes: [infoHash] })
      const source = await libtorrent.seed({ torrentPath, dataDir: data, tracker: tracker[via] })
      try {
        await libtorrent.download({ torrentPath, outDir, tracker: tracker[via] })
      } finally {
        await source.stop()
        await tracker.stop()
      }
      await expectSame(outDir)
    })
  }
})

describe("the testbed", () => {
  for (const downloader of [libtorrent, aria2, rtorrent]) {
    describeWith(`for ${downloader.name}`, [downloader], () => {
      it("has a seeder that it downloads from", async () => {
        const outDir = await emptyFolder()
        const testbed = await startTestbed()
        try {
          const { seeders } = await testbed.publish(join(data, "set"), {
            create: { pieceLength: 64 * 1024 },
            seeders: [{}],
          })
          await downloader.download({ torrentPath, outDir, tracker: testbed.tracker.httpUrl })
          expect(seeders[0]!.bytesServed).toBeGreaterThanOrEqual(1_623_458)
          expect(testbed.tracker.announces[0]).toMatchObject({ infoHash, event: "started", left: 1_623_458 })
        } finally {
          await testbed.close()
        }
        await expectSame(outDir)
      })
    })
  }

  describeWith("for libtorrent without seeders", [libtorrent], () => {
    it("has a web seed and a UDP tracker", async () => {
      const outDir = await emptyFolder()
      const testbed = await startTestbed()
      try {
        const { torrent, webSeedUrls, webSeeds } = await testbed.publish(join(data, "set"), { webSeeds: [{}] })
        const output = join(folder, "testbed.torrent")
        await makeTorrent(join(data, "set"), { webSeeds: webSeedUrls, output })
        await libtorrent.download({ torrentPath: output, outDir, webSeeds: true, tracker: testbed.tracker.udpUrl })
        expect(webSeeds[0]!.bytesServed).toBeGreaterThanOrEqual(torrent.length)
        expect(testbed.tracker.announces[0]).toMatchObject({ via: "udp", infoHash: torrent.infoHash, event: "started" })
      } finally {
        await testbed.close()
      }
      await expectSame(outDir)
    })
  })
})
