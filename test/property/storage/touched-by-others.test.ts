import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { PieceStore } from "../../../src/storage/piece-store.js"
import { stateDirectory } from "../../../src/storage/state-directory.js"
import { verifyData } from "../../../src/storage/verify.js"
import {
  commit,
  DATASTORE,
  fill,
  type Sample,
  sample,
  someBytes,
  World,
  wrongClaims,
} from "../../unit/storage/fixture.js"

const layoutFile = fc.record({
  length: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 400 }),
    fc.integer({ min: 400, max: 6000 }),
    fc.constantFrom(512, 1000, 2000),
  ),
  padding: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.boolean()),
})

const TOUCHES = ["damage", "cut", "append", "put", "remove", "copy", "take away", "bring back", "rename"] as const
/** What somebody else does to one of the files, if it is there. */
interface Touch {
  readonly kind: (typeof TOUCHES)[number] | "forget edges"
  readonly file: number
  readonly at: number
}

type Act =
  | { kind: "commit" | "read" | "look again"; piece: number }
  | { kind: "select"; files: number[] }
  | { kind: "stream"; file: number; piece: number }
  | { kind: "flush" | "read all" | "verify" }
  | { kind: "close" | "kill"; files: number[]; meanwhile: Touch[]; verify: "auto" | "always" }
  | { kind: "touch"; touch: Touch }

const files = fc.array(fc.nat(30), { maxLength: 6 })
const piece = fc.nat(60)
const touch = fc.record({
  kind: fc.constantFrom(...TOUCHES, "forget edges"),
  file: fc.nat(30),
  at: fc.nat(6000),
})
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("commit"), piece }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("read", "look again"), piece }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("select"), files }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("stream"), file: fc.nat(30), piece }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("flush", "read all", "verify") }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("close", "kill"),
      files,
      meanwhile: fc.array(touch, { maxLength: 3 }),
      verify: fc.constantFrom("auto", "auto", "always"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("touch"), touch }) },
)

/** Somebody who works in the same folder with another program. */
class Somebody {
  readonly #of: Sample
  /** By the path from which it was taken away. */
  readonly #away = new Map<string, Uint8Array>()
  /** By path, the bytes that nobody else has: a whole file, or what stands at the end of one. */
  readonly #own = new Map<string, Uint8Array>()
  readonly #displaced = new Set<string>()

  constructor(of: Sample) {
    this.#of = of
  }

  /** Whether it took the file away, or put another in its place: what `edges/` may still have of it is old. */
  displaced(final: string): boolean {
    return this.#displaced.has(final)
  }

  /** Where bytes are not there any more that nobody else has. */
  lost({ disk }: World): string[] {
    return [...this.#own].flatMap(([path, bytes]) => {
      const there = disk.readFile(path)?.slice(-bytes.length) ?? new Uint8Array(0)
      return Buffer.compare(there, bytes) === 0 ? [] : [path]
    })
  }

  /** `settled`: while the store is at work, or was killed when it was, the files that were complete when it last flushed. */
  async does(world: World, touch: Touch, settled: ReadonlySet<number> | undefined): Promise<void> {
    // So that the times of files tell that it was somebody else.
    await world.clock.run(10)
    if (touch.kind === "forget edges") await this.#forgetEdges(world, touch)
    else await this.#touch(world, touch, settled)
    await world.clock.run(10)
  }

  async #touch(world: World, { kind, file, at }: Touch, settled: ReadonlySet<number> | undefined): Promise<void> {
    const { disk } = world
    const index = file % this.#of.layout.files.length
    const final = this.#of.pathOf(index)
    const path = placeOf(world, final)
    const { length, padding } = this.#of.layout.files[index]!
    if (kind === "put" && settled === undefined && !padding) {
      const bytes = someBytes(at % 3 === 0 ? 1 + at : Math.max(1, length), "somebody's")
      disk.putFile(final, bytes)
      this.#own.set(final, bytes)
    }
    if (kind === "bring back" && path === undefined) {
      for (const one of [final, `${final}.part`]) if (this.#away.has(one)) disk.putFile(one, this.#away.get(one)!)
    }
    // Times of files do not tell who else writes where we are writing.
    if (kind === "put" || kind === "bring back" || path === undefined) return
    if (settled !== undefined && (path !== final || !settled.has(index))) return
    this.#own.delete(final)
    const bytes = disk.readFile(path)!
    if (["rename", "remove", "take away"].includes(kind)) this.#displaced.add(final)
    if (kind === "copy") disk.putFile(path, bytes)
    else if (kind === "rename") await world.run(disk.rename(path, path === final ? `${final}.part` : final))
    else if (kind === "remove" || kind === "take away") {
      if (kind === "take away") this.#away.set(path, bytes)
      await world.run(disk.remove(path))
    } else {
      const more = someBytes(1 + (at % 2000), "more")
      const handle = await world.run(disk.open(path, "write"))
      const position = at % Math.max(1, bytes.length)
      if (kind === "append") {
        await world.run(handle.write([more], bytes.length))
        // What lies within the dataset's own length is the dataset's to write.
        const behind = more.slice(Math.max(0, length - bytes.length))
        if (path === final && behind.length > 0) this.#own.set(final, behind)
      } else if (kind === "cut") await world.run(handle.truncate(position))
      else if (bytes.length > 0) await world.run(handle.write([Uint8Array.of(bytes[position]! ^ 1)], position))
      await world.run(handle.close())
    }
  }

  async #forgetEdges(world: World, { file }: Touch): Promise<void> {
    const folder = edgesOf(this.#of)
    const edges = world.disk.filePaths().filter((path) => path.startsWith(folder))
    if (edges.length > 0) await world.run(world.disk.remove(edges[file % edges.length]!))
  }
}

describe("a piece store in whose files somebody else works", () => {
  it("gives out nothing wrong, forgets nothing that is there, destroys nothing, and can be completed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(layoutFile, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(100, 512, 1000, 4096),
        fc.array(act, { maxLength: 30 }),
        async (lengths, pieceLength, acts) => {
          const of = sample({ pieceLength, files: lengths.map((one, i) => ({ path: `d${i % 3}/f${i}`, ...one })) })
          const chosen = (numbers: number[]) => new Set(numbers.map((number) => number % lengths.length))
          const somebody = new Somebody(of)
          const stored = new Set<number>()
          const claimed = new Set<number>()
          let world = new World()
          let store: PieceStore | undefined = await world.open(of)
          let settled: Set<number> | undefined = new Set()
          const flushed = () => new Set([...lengths.keys()].filter((index) => store!.fileComplete(index)))
          const inTheWay = (error: unknown): void => expect(error).toMatchObject({ code: "AT_EXISTS" })

          const openAgain = async (
            selected: Set<number> | undefined,
            how: "auto" | "always",
            { overwrite = false, killed = false } = {},
          ) => {
            const opening = world.open(of, { selected, verify: how, overwrite })
            store = await opening.catch((error: unknown) => void inTheWay(error))
            if (store === undefined) return
            const { have } = store
            settled = flushed()
            expect(await world.run(wrongClaims(store, of))).toEqual([])
            const there = piecesThere(world, of, claimed, somebody)
            // What came back of files that nobody wants is not looked for, nor what was still to be claimed of them.
            const isWhole = (one: number) =>
              of.layout.extentsOfPiece(one).every(({ file }) => selected?.has(file) ?? true)
            const must = (one: number) => there.has(one) && (isWhole(one) || (claimed.has(one) && !killed))
            expect([...stored].filter((one) => must(one) && !have.has(one))).toEqual([])
            for (const one of claimed) if (!have.has(one)) claimed.delete(one)
            if (selected === undefined && allRight(world, of)) {
              expect([...there].filter((one) => !have.has(one) && !isPadding(of, one))).toEqual([])
            }
            for (const index of lengths.keys())
              if (store.fileComplete(index)) expect(isRight(world, of, index)).toBe(true)
          }

          for (const one of acts) {
            expect(somebody.lost(world)).toEqual([])
            if (one.kind === "touch") await somebody.does(world, one.touch, settled)
            else if (one.kind === "close" || one.kind === "kill") {
              if (one.kind === "close") await world.run(Promise.resolve(store?.close()))
              // A run that was refused has not seen what the one that was killed before it left.
              if (one.kind === "close" && store !== undefined) settled = undefined
              world = world.killed()
              for (const touch of one.meanwhile) await somebody.does(world, touch, settled)
              await openAgain(one.files.length === 0 ? undefined : chosen(one.files), one.verify, {
                killed: settled !== undefined,
              })
            } else if (one.kind === "verify") {
              const { platform } = world
              const report = await world.run(verifyData({ platform, metainfo: of.metainfo, datastore: DATASTORE }))
              expect(report.complete).toBe(allRight(world, of))
            } else if (store === undefined) continue
            else if (one.kind === "commit" || one.kind === "stream") {
              let number = one.piece % Math.max(1, of.layout.pieceCount)
              if (one.kind === "stream") {
                const file = one.file % lengths.length
                const { first, end } = of.layout.piecesOfFile(file)
                await world.run(store.keepAtPlace(file))
                if (lengths[file]!.padding || end === first) continue
                number = first + (one.piece % (end - first))
              } else if (!store.wanted.has(number)) continue
              if (store.have.has(number)) continue
              const { kind } = await world.run(commit(store, of, number))
              expect(kind).not.toBe("corrupt")
              // What fails to be written need not be looked for, though some of it may stand there.
              for (const books of [stored, claimed]) books[kind === "stored" ? "add" : "delete"](number)
            } else if (one.kind === "read") await readRight(world, store, of, one.piece)
            else if (one.kind === "look again") {
              const number = one.piece % Math.max(1, of.layout.pieceCount)
              await world.run(store.lookAgain([number]))
              if (!store.have.has(number)) continue
              for (const { file, fileOffset, length } of of.layout.extentsOfPiece(number)) {
                if (!store.fileComplete(file)) continue
                expect(world.disk.readFile(of.pathOf(file))?.length).toBeGreaterThanOrEqual(fileOffset + length)
              }
            } else if (one.kind === "read all") {
              for (const number of [...store.have]) await readRight(world, store, of, number)
            } else if (one.kind === "select") await world.run(store.select(chosen(one.files)).catch(inTheWay))
            else {
              await world.run(store.flush())
              settled = flushed()
            }
            // What was found lost is given up, with its bytes of files that nobody wants.
            for (const number of claimed) if (store?.have.has(number) === false) claimed.delete(number)
          }

          await world.run(Promise.resolve(store?.close()))
          expect(somebody.lost(world)).toEqual([])
          world = world.killed()
          await openAgain(undefined, "auto", { overwrite: true })
          await world.run(fill(store!, of))
          await world.run(store!.close())
          expect(allRight(world, of)).toBe(true)
          expect(world.process.pendingTimers).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })
})

/** The right bytes, or word that the piece is lost. */
async function readRight(world: World, store: PieceStore, of: Sample, piece: number): Promise<void> {
  if (!store.have.has(piece)) return
  const into = new Uint8Array(of.layout.pieceSize(piece))
  const error = await world.run(store.read(piece, 0, into).catch((error: unknown) => error))
  if (error === undefined) expect(Buffer.compare(into, of.pieceData(piece))).toBe(0)
  else expect(error).toMatchObject({ code: "AT_CORRUPT" })
  expect(store.have.has(piece)).toBe(error === undefined)
}

function edgesOf(of: Sample): string {
  return `${stateDirectory(DATASTORE, of.metainfo.infoHash)}/edges/`
}

/** Where a file stands; undefined: nowhere. */
function placeOf(world: World, final: string): string | undefined {
  return [final, `${final}.part`].find((path) => world.disk.readFile(path) !== undefined)
}

function isRight(world: World, of: Sample, index: number): boolean {
  const bytes = world.disk.readFile(of.pathOf(index))
  if (of.layout.files[index]!.padding) return true
  return bytes !== undefined && Buffer.compare(bytes, of.fileData(index)) === 0
}

function allRight(world: World, of: Sample): boolean {
  return of.layout.files.every((_, index) => isRight(world, of, index))
}

function isPadding(of: Sample, piece: number): boolean {
  return of.layout.extentsOfPiece(piece).length === 0
}

/** Pieces whose bytes all stand where they belong, and nothing else beside them; in `edges/` only of those that are claimed. */
function piecesThere(world: World, of: Sample, claimed: ReadonlySet<number>, somebody: Somebody): Set<number> {
  const { layout } = of
  const there = new Set<number>()
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    const edge = claimed.has(piece) ? world.disk.readFile(`${edgesOf(of)}${piece}`) : undefined
    const isThere = layout.extentsOfPiece(piece).every(({ file, fileOffset, pieceOffset, length }) => {
      const [final, part] = [of.pathOf(file), `${of.pathOf(file)}.part`].map((path) => world.disk.readFile(path))
      if (final !== undefined && part !== undefined) return false
      const bytes =
        (final ?? part)?.subarray(fileOffset, fileOffset + length) ??
        (somebody.displaced(of.pathOf(file)) ? undefined : edge?.subarray(pieceOffset, pieceOffset + length)) ??
        new Uint8Array(0)
      return Buffer.compare(bytes, of.fileData(file).subarray(fileOffset, fileOffset + length)) === 0
    })
    if (isThere) there.add(piece)
  }
  return there
}
