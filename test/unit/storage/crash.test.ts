import { describe, expect, it } from "vitest"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { PieceState } from "../../../src/storage/journal-state.js"
import type { PieceStore } from "../../../src/storage/piece-store.js"
import { digester } from "../../support/torrents.js"
import { draftTorrent } from "../../support/v2-torrents.js"
import { DATASTORE, fill, type Sample, World, wrongClaims } from "./fixture.js"
import { atEveryStep, doneIn, piecesIn, recover, scenarios, thereIn, wrongOnDisk } from "./recovery.js"

/** Runs of one scenario. */
const SEEDS = 8

/** Some pieces of each kind of torrent. */
function drafted(version: "v1" | "v2" | "hybrid"): Sample {
  const { torrent, data } = draftTorrent(
    { "a.bin": 120_000, "b.bin": 16_384, "c.bin": 3000 },
    { version, pieceLength: 16_384 },
  )
  const metainfo = parseTorrent(torrent, digester)
  const { layout } = metainfo
  const whole = new Uint8Array(layout.length)
  for (const [file, { offset }] of layout.files.entries()) whole.set(data[file]!, offset)
  const pieceData = (piece: number): Uint8Array =>
    whole.subarray(layout.pieceOffset(piece), layout.pieceOffset(piece) + layout.pieceSize(piece))
  const pathOf = (file: number): string => `${DATASTORE}/dataset/${layout.files[file]!.path}`
  return { metainfo, data: whole, layout, pieceData, fileData: (file) => data[file]!, pathOf }
}

describe("at every step", () => {
  for (const scenario of scenarios) {
    for (const seed of ["one", "two"]) {
      it(`a killed process loses no stored piece and leaves no wrong claim: ${scenario.name} (${seed})`, async () => {
        const fresh = new World({ seed })
        const world = (await scenario.prepare?.(fresh)) ?? fresh
        let store: PieceStore | undefined
        const work = scenario.work(world, (one) => {
          store = one
        })
        const steps = await atEveryStep(world, work, async (step) => {
          const left = world.left(`left ${step}`)
          const { selected } = scenario
          await recover(left, scenario.of, {
            mustHave: store?.have ?? [],
            ...(step % 2 === 0 && selected ? { selected } : {}),
          })
        })
        expect(steps).toBeGreaterThan(30)
      })
    }

    for (const keep of [0, 0.3, 0.8, 1]) {
      it(`a power cut loses nothing durable and leaves no wrong claim: ${scenario.name} (keeps ${keep})`, async () => {
        const fresh = new World({ seed: keep })
        const world = (await scenario.prepare?.(fresh)) ?? fresh
        const work = scenario.work(world, () => {})
        await atEveryStep(world, work, async (step) => {
          const left = world.powerCut(keep, `left ${step}`)
          const { selected } = scenario
          const mustHave = doneIn(left, scenario.of).filter(
            (piece) => scenario.damaged === undefined || !wrongOnDisk(left, scenario.of, [piece]).length,
          )
          await recover(left, scenario.of, { mustHave, ...(step % 2 === 0 && selected ? { selected } : {}) })
        })
      })
    }
  }

  for (const { name, of, prepare, work, damaged } of scenarios) {
    if (damaged) continue
    it.each([0, 0.5, 1])(`a disk that is pulled out leaves no wrong claim: ${name} (keeps %d)`, async (keep) => {
      const fresh = new World({ seed: keep })
      const world = (await prepare?.(fresh)) ?? fresh
      let opened = 0
      await atEveryStep(
        world,
        work(world, () => {}),
        async (step) => {
          const left = world.unplugged(keep, `left ${step}`)
          const mustHave = doneIn(left, of)
          // Whose the files are that stand there may have been lost: then they are in the way.
          const store = await left
            .open(of)
            .catch((error: unknown) => expect(error).toMatchObject({ code: "AT_EXISTS" }))
          if (store === undefined) return
          opened++
          expect(await left.run(wrongClaims(store, of))).toEqual([])
          expect(mustHave.filter((piece) => !store.have.has(piece))).toEqual([])
          await left.run(store.close())
        },
      )
      expect(opened).toBeGreaterThan(30)
    })
  }

  for (const { name, of, prepare, work, damaged } of scenarios) {
    if (damaged) continue
    it(`the journal calls nothing done before it is on the disk itself: ${name}`, async () => {
      for (let seed = 0; seed < SEEDS; seed++) {
        const fresh = new World({ seed })
        const world = (await prepare?.(fresh)) ?? fresh
        let most = 0
        await atEveryStep(
          world,
          work(world, () => {}),
          async (step) => {
            // Its word for it need not be there after a power cut; but as soon as it is said, the bytes are.
            const done = doneIn(world, of)
            most = Math.max(most, done.length)
            expect(wrongOnDisk(world.powerCut(0, `left ${step}`), of, done)).toEqual([])
          },
        )
        expect(most).toBeGreaterThan(0)
      }
    })
  }

  it.each(["v1", "v2", "hybrid"] as const)(
    "the journal has named a piece before its bytes lie there: %s",
    async (version) => {
      const of = drafted(version)
      // Which of two writes ends first is for chance.
      for (let seed = 0; seed < SEEDS; seed++) {
        const world = new World({ seed })
        const work = async (): Promise<void> => {
          const store = await world.opening(of)
          for (let piece = 0; piece < of.layout.pieceCount; piece++) await fill(store, of, { pieces: [piece] })
          await store.close()
        }
        let seen = 0
        await atEveryStep(world, work(), async (step) => {
          const left = world.left(`left ${step}`)
          const named = new Set(piecesIn(left, of, PieceState.begun))
          const there = thereIn(left, of)
          seen = Math.max(seen, there.length)
          expect(there.filter((piece) => !named.has(piece))).toEqual([])
        })
        expect(seen).toBe(of.layout.pieceCount)
      }
    },
  )
})
