import { createHash } from "node:crypto"
import { expect } from "vitest"
import { decodeJournal } from "../../../src/storage/journal-format.js"
import { PieceState } from "../../../src/storage/journal-state.js"
import type { PieceStore } from "../../../src/storage/piece-store.js"
import { stateDirectory } from "../../../src/storage/state-directory.js"
import { commit, DATASTORE, fill, type Sample, sample, type World, wrongClaims } from "./fixture.js"

const tree = sample({
  pieceLength: 5000,
  files: [
    { path: "a.csv", length: 12_345 },
    { path: "empty", length: 0 },
    { path: "deep/er/b.csv", length: 700 },
    { path: "deep/c.csv", length: 300 },
    { path: ".pad/1", length: 1655, padding: true },
    { path: "d.csv", length: 9000 },
  ],
})
const A = 0
const [B, C, D] = [2, 3, 5]

/** Bytes as they lie on the disk: the file's, or `edges/`'. Undefined when there are too few. */
function onDisk(world: World, of: Sample, piece: number): Uint8Array {
  const bytes = new Uint8Array(of.layout.pieceSize(piece))
  const edge = world.disk.readFile(`${stateDirectory(DATASTORE, of.metainfo.infoHash)}/edges/${piece}`)
  for (const { file, fileOffset, pieceOffset, length } of of.layout.extentsOfPiece(piece)) {
    const whole = world.disk.readFile(of.pathOf(file)) ?? world.disk.readFile(`${of.pathOf(file)}.part`)
    const part = whole?.subarray(fileOffset, fileOffset + length) ?? edge?.subarray(pieceOffset, pieceOffset + length)
    bytes.set(part ?? new Uint8Array(0), pieceOffset)
  }
  return bytes
}

/** Most of its files lie in one piece whole: these are made in lists. */
const small = sample({
  name: "small",
  pieceLength: 5000,
  files: [
    ...Array.from({ length: 12 }, (_, i) => ({ path: `${i % 2}/${i}.csv`, length: 700 + i })),
    { path: "large.csv", length: 6000 },
  ],
})

const hashOf = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest("hex")

export function wrongOnDisk(world: World, of: Sample, have: Iterable<number>): number[] {
  return [...have].filter((piece) => hashOf(onDisk(world, of, piece)) !== hashOf(of.pieceData(piece)))
}

/** What the journal on the disk calls durable. */
export function doneIn(world: World, of: Sample): number[] {
  return piecesIn(world, of, PieceState.done)
}

/** Pieces of which the journal on the disk says that or more. */
export function piecesIn(world: World, of: Sample, atLeast: PieceState): number[] {
  const bytes = world.disk.readFile(`${stateDirectory(DATASTORE, of.metainfo.infoHash)}/journal`)
  const { infoHash, layout } = of.metainfo
  const decoded =
    bytes && decodeJournal(bytes, { infoHash, pieceCount: layout.pieceCount, fileCount: layout.files.length })
  return [...(decoded?.state.pieces ?? [])].flatMap((state, piece) => (state >= atLeast ? [piece] : []))
}

/** Opens what was left, and asserts that nothing is claimed wrong, nothing durable is lost, and all can be completed. */
export async function recover(
  world: World,
  of: Sample,
  options: { mustHave: Iterable<number>; selected?: Set<number> },
) {
  const { selected } = options
  const store = await world.open(of, selected === undefined ? {} : { selected })
  expect(await world.run(wrongClaims(store, of))).toEqual([])
  expect([...options.mustHave].filter((piece) => !store.have.has(piece))).toEqual([])
  await world.run(fill(store, of))
  await world.run(store.close())
  for (let index = 0; index < of.layout.files.length; index++) {
    if (of.layout.files[index]!.padding || selected?.has(index) === false) continue
    expect(Buffer.compare(world.disk.readFile(of.pathOf(index))!, of.fileData(index))).toBe(0)
  }
  expect(world.dataPaths().filter((path) => path.endsWith(".part") && !selected)).toEqual([])
}

/** Pieces whose bytes lie in the files, all of them. */
export function thereIn(world: World, of: Sample): number[] {
  const all = Array.from({ length: of.layout.pieceCount }, (_, piece) => piece)
  const wrong = new Set(wrongOnDisk(world, of, all))
  return all.filter((piece) => !wrong.has(piece))
}

/** Runs `work` event by event, with `look` at each state in which the disk may be left. */
export async function atEveryStep(
  world: World,
  work: Promise<unknown>,
  look: (step: number) => Promise<void>,
): Promise<number> {
  let ended = false
  work.then(
    () => {
      ended = true
    },
    () => {
      ended = true
    },
  )
  let step = 0
  for (; !ended; step++) {
    const seen = world.clock.eventCount
    await world.clock.runUntil(() => ended || world.clock.eventCount > seen)
    await look(step)
  }
  await work
  return step
}

export interface Scenario {
  readonly name: string
  readonly of: Sample
  readonly selected?: Set<number>
  /** What the process does; it tells about its store as soon as it has one. */
  readonly work: (world: World, tell: (store: PieceStore) => void) => Promise<void>
  /** What was before; returns the world as it is then. */
  readonly prepare?: (world: World) => Promise<World>
  /** Pieces called durable may be wrong: somebody else damaged them. */
  readonly damaged?: true
}

const selection = new Set([C])

export const scenarios: Scenario[] = [
  {
    name: "a download from nothing, flushed in the middle",
    of: tree,
    work: async (world, tell) => {
      const store = await world.opening(tree)
      tell(store)
      await fill(store, tree, { pieces: [0, 2, 4] })
      await store.flush()
      await commit(store, tree, 1, tree.pieceData(2))
      await fill(store, tree)
      await store.close()
    },
  },
  {
    name: "a download that goes on while earlier pieces are synced",
    of: tree,
    work: async (world, tell) => {
      const store = await world.opening(tree)
      tell(store)
      await fill(store, tree, { pieces: [0, 2] })
      await Promise.all([store.flush(), fill(store, tree)])
      await store.close()
    },
  },
  {
    name: "many small files",
    of: small,
    work: async (world, tell) => {
      const store = await world.opening(small)
      tell(store)
      await fill(store, small, { pieces: [0] })
      await store.flush()
      await fill(store, small)
      await store.close()
    },
  },
  {
    name: "a download of one small file, then of all",
    of: tree,
    selected: selection,
    work: async (world, tell) => {
      const store = await world.opening(tree, { selected: selection })
      tell(store)
      await fill(store, tree)
      await store.flush()
      await store.select(new Set([A, 1, B, C, D]))
      await fill(store, tree)
      await store.close()
    },
  },
  {
    name: "the repair of damaged data",
    of: tree,
    prepare: async (world) => {
      const store = await world.open(tree)
      await world.run(fill(store, tree))
      await world.run(store.close())
      for (const index of [A, D]) {
        const damaged = tree.fileData(index).slice()
        damaged[6000]! ^= 1
        world.disk.putFile(tree.pathOf(index), damaged)
      }
      return world
    },
    damaged: true,
    work: async (world, tell) => {
      const store = await world.opening(tree)
      tell(store)
      await fill(store, tree)
      await store.close()
    },
  },
  {
    name: "the recovery from a power cut, with another selection",
    of: tree,
    selected: selection,
    prepare: async (world) => {
      const store = await world.open(tree, { selected: selection })
      await world.run(fill(store, tree))
      await world.run(store.flush())
      await world.run(store.select(new Set([B, C, D])))
      await world.run(fill(store, tree, { pieces: [3] }))
      return world.powerCut(0.5)
    },
    work: async (world, tell) => {
      const store = await world.opening(tree)
      tell(store)
      await fill(store, tree)
      await store.close()
    },
  },
]
