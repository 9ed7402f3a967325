import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { PieceStore } from "../../../src/storage/piece-store.js"
import { commit, fill, sample, someBytes, World, wrongClaims } from "../../unit/storage/fixture.js"

const fileLength = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 }), fc.integer({ min: 400, max: 6000 }))

type Act =
  | { kind: "commit"; piece: number }
  | { kind: "corrupt"; piece: number }
  | { kind: "read"; piece: number }
  | { kind: "select"; files: number[] }
  | { kind: "stream"; file: number; piece: number }
  | { kind: "cut short"; pieces: number[]; events: number; how: "kill" | "power-cut"; files: number[] }
  | { kind: "flush" }
  | { kind: "wait" }
  | { kind: "close"; files: number[] }
  | { kind: "kill"; files: number[] }
  | { kind: "power-cut"; keep: number; files: number[] }

const files = fc.array(fc.nat(30), { maxLength: 6 })
const piece = fc.nat(60)
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("commit" as const), piece }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("corrupt" as const), piece }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("read" as const), piece }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("select" as const), files }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("stream" as const), file: fc.nat(30), piece }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("cut short" as const),
      pieces: fc.array(piece, { maxLength: 8 }),
      events: fc.nat(40),
      how: fc.constantFrom("kill" as const, "power-cut" as const),
      files,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "flush" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "wait" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), files }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), files }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("power-cut" as const), keep: fc.constantFrom(0, 0.5, 1), files }),
  },
)

describe("a piece store, whatever is done with it", () => {
  it("claims what is there and nothing else, forgets nothing, and can be completed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fileLength, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(100, 512, 1000, 4096),
        fc.array(act, { maxLength: 30 }),
        async (lengths, pieceLength, acts) => {
          const of = sample({ pieceLength, files: lengths.map((length, i) => ({ path: `d${i % 3}/f${i}`, length })) })
          const { pieceCount } = of.layout
          const chosen = (numbers: number[]) => new Set(numbers.map((number) => number % lengths.length))
          let world = new World()
          let store: PieceStore = await world.open(of)
          // What must be claimed: since the last flush, and since the last commit.
          const durable = new Set<number>()
          const stored = new Set<number>()
          const lostNothing = async (must: Set<number>) => {
            expect([...must].filter((one) => !store.have.has(one))).toEqual([])
            expect(await world.run(wrongClaims(store, of))).toEqual([])
          }
          const restart = async (next: World, selected: Set<number>, must: Set<number>) => {
            world = next
            store = await world.open(of, { selected })
            await lostNothing(must)
          }
          for (const one of acts) {
            switch (one.kind) {
              case "commit": {
                const number = one.piece % Math.max(1, pieceCount)
                if (!store.wanted.has(number)) break
                expect(await world.run(commit(store, of, number))).toEqual({ kind: "stored" })
                stored.add(number)
                break
              }
              case "stream": {
                const file = one.file % lengths.length
                const { first, end } = of.layout.piecesOfFile(file)
                await world.run(store.keepAtPlace(file))
                await lostNothing(stored)
                if (end === first) break
                const number = first + (one.piece % (end - first))
                expect(await world.run(commit(store, of, number))).toEqual({ kind: "stored" })
                stored.add(number)
                break
              }
              case "cut short": {
                const numbers = new Set(one.pieces.map((value) => value % Math.max(1, pieceCount)))
                for (const number of numbers) {
                  if (!store.wanted.has(number)) continue
                  void commit(store, of, number).then(({ kind }) => kind === "stored" && stored.add(number))
                }
                for (const file of chosen(one.files)) void store.keepAtPlace(file)
                const end = world.clock.eventCount + one.events
                await world.clock.runUntil(() => world.clock.eventCount >= end).catch(() => {})
                if (one.how === "kill") {
                  await restart(world.killed(), chosen(one.files), stored)
                  break
                }
                const next = world.powerCut(0.5)
                world.process.stop()
                await restart(next, chosen(one.files), durable)
                stored.clear()
                for (const number of store.have) stored.add(number)
                break
              }
              case "corrupt": {
                const number = one.piece % Math.max(1, pieceCount)
                if (store.have.has(number) || pieceCount === 0) break
                const wrong = someBytes(of.layout.pieceSize(number), "wrong")
                expect(await world.run(commit(store, of, number, wrong))).toEqual({ kind: "corrupt" })
                break
              }
              case "read":
                if (store.have.has(one.piece)) await world.run(store.read(one.piece, 0, new Uint8Array(1)))
                break
              case "select":
                await world.run(store.select(chosen(one.files)))
                await lostNothing(stored)
                break
              case "flush":
                await world.run(store.flush())
                for (const number of stored) durable.add(number)
                break
              case "wait":
                await world.clock.run(7000)
                for (const number of stored) durable.add(number)
                break
              case "close":
                await world.run(store.close())
                await restart(world.killed(), chosen(one.files), stored)
                break
              case "kill":
                await restart(world.killed(), chosen(one.files), stored)
                break
              case "power-cut": {
                const next = world.powerCut(one.keep)
                world.process.stop()
                await restart(next, chosen(one.files), durable)
                stored.clear()
                for (const number of store.have) stored.add(number)
                break
              }
            }
          }
          await world.run(store.close())
          store = await world.open(of)
          await world.run(fill(store, of))
          await world.run(store.close())
          expect(world.dataPaths()).toEqual(lengths.map((_, index) => of.pathOf(index)).sort())
          for (let index = 0; index < lengths.length; index++) {
            expect(Buffer.compare(world.disk.readFile(of.pathOf(index))!, of.fileData(index))).toBe(0)
          }
          expect(world.process.pendingTimers).toBe(0)
        },
      ),
      { numRuns: 300 },
    )
  })
})
