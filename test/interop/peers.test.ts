import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  academictorrents,
  aria2,
  describeWith,
  libtorrent,
  type Partner,
  rtorrent,
  transmission,
} from "../support/partners/index.js"
import { withPlaces } from "../support/places.js"
import { makeSample, type Sample, SHAPES, type ShapeName, WITHOUT_EMPTY_FILES } from "../support/samples.js"
import { differences } from "../support/trees.js"

// The built command and each of the usual clients, one to one, in both directions. Transmission's own timers take ten
// seconds each way, so the tests run beside each other.

const shapes = Object.keys(SHAPES) as ShapeName[]
const AWKWARD: ShapeName = "awkward names in 16 KiB pieces"
const samples = new Map<ShapeName, Sample>()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-peers-"))
  for (const shape of shapes) {
    const home = join(folder, String(samples.size))
    await mkdir(home)
    samples.set(shape, await makeSample(home, shape))
  }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Transmission makes no empty files. */
function leftOut(partner: Partner, shape: ShapeName): readonly string[] {
  return partner === transmission && shape === AWKWARD ? WITHOUT_EMPTY_FILES : []
}

const limits = { timeout: 90_000 }
const maxSeconds = 40

describe.concurrent("one to one", () => {
  for (const partner of [transmission, aria2, libtorrent, rtorrent]) {
    describeWith(`with ${partner.name}`, [partner], () => {
      for (const shape of shapes) {
        it(`we get ${shape}, and give it on from the datastore`, limits, () =>
          withPlaces(partner, async ({ ours, theirs }) => {
            const { torrentPath, dataDir, path, name } = samples.get(shape)!
            const datastore = await mkdtemp(join(folder, "ours-"))
            const source = await partner.seed({ torrentPath, dataDir, ...theirs })
            try {
              await academictorrents.download({ torrentPath, outDir: datastore, peers: [source], maxSeconds, ...ours })
            } finally {
              await source.stop()
            }
            expect(await differences(path, join(datastore, name))).toEqual([])

            const outDir = await mkdtemp(join(folder, "theirs-"))
            const giver = await academictorrents.seed({ torrentPath, dataDir: datastore, asDatastore: true, ...ours })
            try {
              await partner.download({ torrentPath, outDir, peers: [giver], maxSeconds, ...theirs })
            } finally {
              await giver.stop()
            }
            expect(await differences(path, join(outDir, name))).toEqual(leftOut(partner, shape))
          }),
        )
      }
    })
  }
})
