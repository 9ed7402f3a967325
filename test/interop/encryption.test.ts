import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { academictorrents, aria2, describeWith, libtorrent, rtorrent, transmission } from "../support/partners/index.js"
import { withPlaces } from "../support/places.js"
import type { Program } from "../support/program.js"
import { makeSample, type Sample } from "../support/samples.js"
import { differences } from "../support/trees.js"

// Message stream encryption between the built command and each of the usual clients, in both directions: one side insists
// on it and the other follows.

let folder: string
let sample: Sample

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-encryption-"))
  sample = await makeSample(folder, "4 MiB pieces, the last of one byte")
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const limits = { timeout: 90_000 }
const maxSeconds = 40

const CASES = [
  { who: "they insist on encryption", encryption: "required", ours: "allow" },
  { who: "we insist on encryption", encryption: "allowed", ours: "require" },
  { who: "we prefer it and they have none", encryption: "off", ours: "prefer" },
] as const

/** Our log says that a connection was encrypted all along, where nothing else will do for us. */
async function expectEncrypted(program: Program, ours: string): Promise<void> {
  if (ours === "require") await program.until(/connected, encrypted/, maxSeconds)
}

describe.concurrent("encryption", () => {
  for (const partner of [transmission, aria2, libtorrent, rtorrent]) {
    describeWith(`with ${partner.name}`, [partner], () => {
      for (const { who, encryption, ours } of CASES) {
        // aria2 can't be told to refuse it.
        if (encryption === "off" && partner === aria2) continue
        const options = ["--encryption", ours]
        it(`where ${who}: we get all, and give it on`, limits, () =>
          withPlaces(partner, async (places) => {
            const { torrentPath, dataDir, path, name } = sample
            const datastore = await mkdtemp(join(folder, "ours-"))
            const source = await partner.seed({ torrentPath, dataDir, encryption, ...places.theirs })
            try {
              const job = { torrentPath, outDir: datastore, peers: [source], maxSeconds, options, ...places.ours }
              const getter = await academictorrents.get(job)
              try {
                await Promise.all([getter.program.succeeded(maxSeconds), expectEncrypted(getter.program, ours)])
              } finally {
                await getter.stop()
              }
            } finally {
              await source.stop()
            }
            expect(await differences(path, join(datastore, name))).toEqual([])

            const outDir = await mkdtemp(join(folder, "theirs-"))
            const seedJob = { torrentPath, dataDir: datastore, asDatastore: true, options, ...places.ours }
            const giver = await academictorrents.seed(seedJob)
            try {
              const job = { torrentPath, outDir, peers: [giver], maxSeconds, encryption, ...places.theirs }
              await Promise.all([partner.download(job), expectEncrypted(giver.program, ours)])
            } finally {
              await giver.stop()
            }
            expect(await differences(path, join(outDir, name))).toEqual([])
          }),
        )
      }
    })
  }
})
