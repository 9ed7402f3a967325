import { mkdtemp, rm } from "node:fs/promises"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type DhtBackbone, nodesAt, startDhtBackbone } from "../support/dht-backbone.js"
import { type Netns, netnsMissing, openNetns, openNetnsPair } from "../support/netns.js"
import type { OurDownloadJob } from "../support/partners/academictorrents.js"
import {
  academictorrents,
  describeWith,
  libtorrent,
  type Partner,
  type Running,
  type SeedJob,
} from "../support/partners/index.js"
import type { Place } from "../support/places.js"
import { makeSample, type Sample, SHAPES, type ShapeName } from "../support/samples.js"
import { differences } from "../support/trees.js"

// Nobody names a peer and no tracker is asked: the parties find each other through the DHT alone. How we find other clients and
// they us is part of the matrix.

let folder: string
let sample: Sample

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-dht-"))
  sample = await makeSample(folder, Object.keys(SHAPES)[0] as ShapeName)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const limits = { timeout: 240_000 }

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"))
const ipv6 = { missing: (): string | undefined => (hasIpv6 ? undefined : "IPv6 on the loopback interface") }

async function within(open: () => Promise<DhtBackbone>, work: (dht: DhtBackbone) => Promise<void>): Promise<void> {
  const dht = await open()
  try {
    await work(dht)
  } finally {
    await dht.stop()
  }
}

type Way = Pick<OurDownloadJob, "dht" | "magnet" | "env" | "host" | "netns" | "peers" | "options">

/** It is there for whoever looks in the DHT while `work` is done. */
async function given(giver: Pick<Partner, "seed">, place: Place, dht: DhtBackbone, work: () => Promise<void>) {
  const { torrentPath, dataDir } = sample
  const source = await giver.seed({ torrentPath, dataDir, dht: dht.entry, ...place })
  try {
    await dht.announced()
    await work()
  } finally {
    await source.stop()
  }
}

async function get(way: Way): Promise<void> {
  const { torrentPath, path, name } = sample
  const outDir = await mkdtemp(join(folder, "ours-"))
  await academictorrents.download({ torrentPath, outDir, maxSeconds: 90, ...way })
  expect(await differences(path, join(outDir, name))).toEqual([])
}

it.each([{ magnet: false }, { magnet: true }])(
  "two of ours find each other; with a magnet link alone: $magnet",
  limits,
  ({ magnet }) =>
    within(
      () => startDhtBackbone(nodesAt("127.0.0.1", 50)),
      (dht) => given(academictorrents, {}, dht, () => get({ dht: dht.entry, magnet })),
    ),
)

it("the nodes that one run met are where the next begins", limits, () =>
  within(
    () => startDhtBackbone(nodesAt("127.0.0.1", 10)),
    (dht) =>
      given(academictorrents, {}, dht, async () => {
        const env = { XDG_CACHE_HOME: await mkdtemp(join(folder, "cache-")) }
        await get({ dht: dht.entry, env })
        await get({ env })
      }),
  ),
)

describeWith("over IPv6", [ipv6], () => {
  it("two of ours find each other", limits, () =>
    within(
      () => startDhtBackbone(nodesAt("[::1]", 10)),
      (dht) => given(academictorrents, {}, dht, () => get({ dht: dht.entry, magnet: true })),
    ),
  )
})

describeWith("over IPv6, with libtorrent", [ipv6, libtorrent, { missing: netnsMissing }], () => {
  const hosts = ["fd77::1", "fd77::2"] as const
  let ours: Netns
  let theirs: Netns

  beforeAll(async () => {
    const pair = await openNetnsPair(hosts)
    ours = pair[0]
    theirs = pair[1]
  })

  afterAll(() => Promise.all([ours.close(), theirs.close()]))

  const backbone = (): Promise<DhtBackbone> => startDhtBackbone(nodesAt(`[${hosts[0]}]`, 10), { netns: ours })
  const place = {
    host: `[${hosts[1]}]`,
    get netns() {
      return theirs
    },
  }

  it("we find it", limits, () =>
    within(backbone, (dht) => given(libtorrent, place, dht, () => get({ dht: dht.entry, netns: ours }))),
  )

  it("it finds us", limits, () =>
    within(backbone, (dht) =>
      given({ seed: (job) => academictorrents.seed({ ...job, netns: ours }) }, {}, dht, async () => {
        const { torrentPath, path, name } = sample
        const outDir = await mkdtemp(join(folder, "theirs-"))
        await libtorrent.download({ torrentPath, outDir, dht: dht.entry, ...place })
        expect(await differences(path, join(outDir, name))).toEqual([])
      }),
    ),
  )
})

/** libtorrent's nodes are not on loopback. */
async function withNetns(hosts: readonly string[], work: (netns: Netns) => Promise<void>): Promise<void> {
  const netns = await openNetns(hosts)
  try {
    await work(netns)
  } finally {
    await netns.close()
  }
}

describeWith("where a peer's node is the only way in (PORT)", [libtorrent, { missing: netnsMissing }], () => {
  it("we find who has the data", limits, () =>
    withNetns(["10.77.0.1", "10.77.0.2"], (netns) => {
      const [place, elsewhere] = [
        { host: "10.77.0.1", netns },
        { host: "10.77.0.2", netns },
      ]
      const options = ["--no-pex"]
      const seed = (job: SeedJob): Promise<Running> => academictorrents.seed({ ...job, options })
      return within(
        () => startDhtBackbone(nodesAt("10.77.0.1", 10), { netns }),
        (dht) =>
          given({ seed }, place, dht, async () => {
            const { torrentPath } = sample
            const dataDir = await mkdtemp(join(folder, "idle-"))
            const idle = await libtorrent.seed({ torrentPath, dataDir, dht: dht.entry, idle: true, ...elsewhere })
            try {
              await get({ peers: [idle], magnet: true, options, ...place })
            } finally {
              await idle.stop()
            }
          }),
      )
    }),
  )
})

describeWith("where all other nodes are libtorrent's", [libtorrent, { missing: netnsMissing }], () => {
  it("two of ours find each other", limits, () => {
    // It knows one node a network.
    const hosts = Array.from({ length: 10 }, (_, i) => `10.77.${i + 1}.1`)
    const host = "10.77.0.1"
    return withNetns([host, ...hosts], (netns) => {
      const places = hosts.map((node) => ({ host: node, port: 6881 }))
      return within(
        () => startDhtBackbone(places, { netns, of: "libtorrent" }),
        (dht) => given(academictorrents, { host, netns }, dht, () => get({ dht: dht.entry, host, netns })),
      )
    })
  })
})
