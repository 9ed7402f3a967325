import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { findComplete } from "../../../src/storage/inventory.js"
import type { Inventory } from "../../../src/storage/inventory-format.js"
import type { PieceStore } from "../../../src/storage/piece-store.js"
import { stateDirectory } from "../../../src/storage/state-directory.js"
import { verifyData } from "../../../src/storage/verify.js"
import { commit, DATASTORE, fill, type Sample, sample, World } from "../../unit/storage/fixture.js"

const layoutFile = fc.record({
  length: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 }), fc.integer({ min: 400, max: 3000 })),
  padding: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.boolean()),
})

type Act =
  | { kind: "damage" | "cut" | "append" | "remove" | "put anew" | "lose" | "commit"; file: number; at: number }
  | { kind: "open" | "close" | "flush" | "kill" | "verify" | "forget the journal" }
  | { kind: "unplug" | "power cut"; keep: number }
  | { kind: "open some"; files: number[] }

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("damage", "cut", "append", "remove", "put anew", "lose", "commit"),
    file: fc.nat(30),
    at: fc.nat(3000),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("open", "close", "flush", "kill", "verify", "forget the journal"),
    }),
  },
  fc.record({ kind: fc.constantFrom("unplug", "power cut"), keep: fc.constantFrom(0, 0.5, 0.9, 1) }),
  fc.record({ kind: fc.constant("open some"), files: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }) }),
)

const find = (world: World, of: Sample): Promise<Inventory | undefined> =>
  world.run(findComplete(world.platform, { datastore: DATASTORE, infoHash: of.metainfo.infoHash }))

function allRight(world: World, of: Sample): boolean {
  return of.layout.files.every(({ padding }, index) => {
    const bytes = world.disk.readFile(of.pathOf(index))
    return padding || (bytes !== undefined && Buffer.compare(bytes, of.fileData(index)) === 0)
  })
}

/** Somebody else's work, at another time than ours. */
async function touch(world: World, path: string, { kind, at }: { kind: string; at: number }): Promise<void> {
  const bytes = world.disk.readFile(path)
  if (bytes === undefined) return
  await world.clock.run(10)
  if (kind === "remove") await world.run(world.disk.remove(path))
  else if (kind === "put anew") world.disk.putFile(path, bytes)
  else {
    const handle = await world.run(world.disk.open(path, "write"))
    const position = at % Math.max(1, bytes.length)
    if (kind === "append") await world.run(handle.write([Uint8Array.of(1)], bytes.length))
    else if (kind === "cut") await world.run(handle.truncate(position))
    else if (bytes.length > 0) await world.run(handle.write([Uint8Array.of(bytes[position]! ^ 1)], position))
    await world.run(handle.close())
  }
  await world.clock.run(10)
}

describe("the inventory of a dataset, whatever happens to it", () => {
  it("is believed while all is there and the journal says so, and never otherwise", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(layoutFile, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(100, 512, 1000, 4096),
        fc.boolean(),
        fc.array(act, { maxLength: 20 }),
        async (lengths, pieceLength, closesFirst, acts) => {
          const of = sample({ pieceLength, files: lengths.map((one, i) => ({ path: `d${i % 3}/f${i}`, ...one })) })
          const journal = `${stateDirectory(DATASTORE, of.metainfo.infoHash)}/journal`
          let world = new World()
          let store: PieceStore | undefined = await world.open(of)
          await world.run(fill(store, of))
          if (closesFirst) {
            await world.run(store.close())
            store = undefined
            expect((await find(world, of)) !== undefined).toBe(lengths.some(({ padding }) => !padding))
          }
          const restart = (next: World): void => {
            world.process.stop()
            world = next
            store = undefined
          }
          /** Stays closed when something is in the way. */
          const openIfClosed = async (selected?: ReadonlySet<number>): Promise<void> => {
            if (store !== undefined) return
            const opening = world.open(of, { selected })
            store = await opening.catch((error: unknown) => void expect(error).toMatchObject({ code: "AT_EXISTS" }))
          }
          for (const one of acts) {
            switch (one.kind) {
              case "open":
                await openIfClosed()
                break
              case "open some":
                await openIfClosed(new Set(one.files.map((file) => file % lengths.length)))
                break
              case "close":
                await world.run(Promise.resolve(store?.close()))
                store = undefined
                break
              case "commit":
              case "lose": {
                const piece = one.at % Math.max(1, of.layout.pieceCount)
                if (one.kind === "lose") store?.lose(piece)
                else if (store?.wanted.has(piece) && !store.have.has(piece)) await world.run(commit(store, of, piece))
                break
              }
              case "flush":
                await world.run(Promise.resolve(store?.flush()))
                break
              case "kill":
                restart(world.killed())
                break
              case "unplug":
                restart(world.unplugged(one.keep))
                break
              case "power cut":
                restart(world.powerCut(one.keep))
                break
              case "verify": {
                const { platform } = world
                await world.run(verifyData({ platform, metainfo: of.metainfo, datastore: DATASTORE }))
                break
              }
              case "forget the journal":
                if (store === undefined) await world.run(world.disk.remove(journal))
                break
              case "damage":
              case "cut":
              case "append":
              case "remove":
              case "put anew":
                // Times of files do not tell who else writes where we are writing.
                if (store === undefined) await touch(world, of.pathOf(one.file % lengths.length), one)
            }
            const found = await find(world, of)
            if (found === undefined) continue
            expect(world.disk.readFile(journal)).toBeDefined()
            expect(allRight(world, of)).toBe(true)
            expect(found.name).toBe(of.metainfo.name)
            // An open store would say the same, and find nothing to do.
            const other = world.left()
            const opened = await other.open(of)
            expect(opened.have.count).toBe(of.layout.pieceCount)
            expect(lengths.every((_, index) => opened.fileComplete(index))).toBe(true)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})
