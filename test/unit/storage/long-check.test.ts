import { describe, expect, it } from "vitest"
import type { PieceStoreOptions } from "../../../src/storage/open-store.js"
import type { PieceStore } from "../../../src/storage/piece-store.js"
import { verifyData } from "../../../src/storage/verify.js"
import { SimHasher } from "../../sim/lib/sim-hasher.js"
import { lockOn } from "../../sim/lib/sim-lock.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { DATASTORE, fill, sample, World, wrongClaims } from "./fixture.js"
import { doneIn } from "./recovery.js"

const MiB = 2 ** 20
/** A piece is as long as what is hashed at a time. */
const PIECE = 4 * MiB
/** So many are hashed at a time. */
const UNDER_WAY = 8
/** ms for each of them. */
const HASH_TIME = 1_000
/** ms within which what was found is durable: until the sync after the next. */
const DURABLE_AFTER = 11_000

const large = sample({
  pieceLength: PIECE,
  files: [
    { path: "a", length: 22 * MiB },
    { path: "b", length: 31 * MiB },
  ],
})
const [A, B] = [0, 1]
const ALL = large.layout.pieceCount

const code = (value: string) => expect.objectContaining({ code: value })

/** Hashes one thing after the other, each of them slowly, and reads all files itself. */
class SlowHasher extends SimHasher {
  readonly #turn: () => Promise<void>

  constructor({ process, disk }: World) {
    super(process, new SimRandom("slow"), disk)
    let last = Promise.resolve()
    this.#turn = () => {
      last = last.then(() => new Promise<void>((resolve) => void process.after(HASH_TIME, resolve)))
      return last
    }
  }

  override async hashFiles(...args: Parameters<SimHasher["hashFiles"]>): Promise<Uint8Array | undefined> {
    await this.#turn()
    // It may have nobody to read for once; four times is no accident.
    for (let attempt = 0; attempt < 4; attempt++) {
      const digests = await super.hashFiles(...args)
      if (digests !== undefined) return digests
    }
    return undefined
  }

  override async hashPieces(...args: Parameters<SimHasher["hashPieces"]>): Promise<Uint8Array> {
    await this.#turn()
    return super.hashPieces(...args)
  }
}

function slowly(world: World, options: Partial<PieceStoreOptions> = {}): Promise<PieceStore> {
  return world.opening(large, { platform: { ...world.platform, hasher: new SlowHasher(world) }, ...options })
}

/** Begins a check that is not going to end, and lets it work for so long. */
async function checkFor(world: World, ms: number, options: Partial<PieceStoreOptions> = {}): Promise<void> {
  slowly(world, options).catch(() => {})
  await world.clock.run(ms)
}

/** Opens what is there, and returns the store with the number of pieces that were hashed for it. */
async function openCounting(world: World, options: Partial<PieceStoreOptions> = {}) {
  let bytes = 0
  const onChecking = (_: number, total: number): void => {
    bytes = total
  }
  const store = await world.open(large, { onChecking, ...options })
  return { store, hashed: Math.ceil(bytes / PIECE) }
}

function stopper() {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

function put(world: World, ...indexes: number[]): void {
  for (const index of indexes) world.disk.putFile(large.pathOf(index), large.fileData(index))
}

/** All of it is there, and the journal says so. */
async function complete(): Promise<World> {
  const world = new World()
  put(world, A, B)
  const store = await world.open(large)
  await world.run(store.flush())
  await world.run(store.close())
  return world
}

describe("a check that takes long", () => {
  it("goes on where it was when the process is killed, whenever that is", async () => {
    const world = new World()
    put(world, A, B)
    const checking = slowly(world)
    for (let found = 0; found < ALL; found += 3) {
      const next = world.left()
      const done = doneIn(next, large).length
      expect(done).toBeGreaterThanOrEqual(found - DURABLE_AFTER / HASH_TIME)
      const { store, hashed } = await openCounting(next)
      expect(store.have.complete).toBe(true)
      expect(hashed).toBe(ALL - done)
      await next.run(store.close())
      await world.clock.run(3 * HASH_TIME)
    }
    const store = await world.run(checking)
    expect(store.have.complete).toBe(true)
    await world.run(store.close())
  })

  it("has what it found on the disk itself soon after", async () => {
    const world = new World()
    put(world, A, B)
    await checkFor(world, 7 * HASH_TIME)
    const next = world.powerCut(0)
    expect(doneIn(next, large).length).toBeGreaterThan(2)
    const store = await next.open(large)
    expect(store.have.complete).toBe(true)
    await next.run(store.close())
  })

  it("keeps what it found when it is stopped, also after another that was killed", async () => {
    const world = new World()
    put(world, A, B)
    await checkFor(world, 7 * HASH_TIME)
    const second = world.killed()
    const done = doneIn(second, large).length
    const { signal, abort } = stopper()
    const stopped = slowly(second, { signal })
    await second.clock.run(0.5 * HASH_TIME)
    abort()
    // What is under way ends: so much is hashed at a time.
    expect(await second.run(stopped.catch((error: unknown) => error))).toEqual(code("AT_ABORTED"))
    const { store, hashed } = await openCounting(second)
    expect(hashed).toBe(ALL - done - UNDER_WAY)
    await second.run(store.close())
  })

  it("keeps what it found when there is something in the way", async () => {
    const world = new World()
    put(world, A)
    world.disk.putFile(large.pathOf(B), large.fileData(A))
    await expect(world.run(slowly(world))).rejects.toEqual(code("AT_EXISTS"))
    put(world, B)
    const { store, hashed } = await openCounting(world)
    expect(store.have.complete).toBe(true)
    const { first, end } = large.layout.piecesOfFile(B)
    expect(hashed).toBeLessThan(end - first + 4)
    await world.run(store.close())
  })

  it.each(["stopped", "killed"])("that is %s leaves nothing believed that it found damaged", async (how) => {
    const world = await complete()
    world.disk.flipByte(large.pathOf(A), 5)
    const { signal, abort } = stopper()
    const checking = slowly(world, { verify: "always", signal })
    await world.clock.run((how === "killed" ? 9 : 4) * HASH_TIME)
    const next = how === "killed" ? world.killed() : world
    abort()
    const end = checking.catch((error: unknown) => error)
    if (how === "stopped") expect(await world.run(end)).toEqual(code("AT_ABORTED"))
    const store = await next.open(large)
    expect(store.have.has(0)).toBe(false)
    expect(store.have.count).toBe(ALL - 1)
    await next.run(fill(store, large))
    await next.run(store.close())
    expect(Buffer.compare(next.disk.readFile(large.pathOf(A))!, large.fileData(A))).toBe(0)
  })

  it("that is killed leaves nothing believed of a file that was put in the place of ours", async () => {
    const world = await complete()
    // The journal learns that the first piece of its own is damaged, and goes on claiming the others.
    world.disk.flipByte(large.pathOf(B), 3 * MiB)
    const { metainfo } = large
    const place = { metainfo, datastore: DATASTORE, takeLock: lockOn(world.disk) }
    await world.run(verifyData({ platform: world.platform, ...place }))
    expect(doneIn(world, large)).not.toContain(6)
    const copy = large.fileData(B).slice()
    copy[copy.length - 1]! ^= 1
    world.disk.putFile(large.pathOf(B), copy)
    for (let ms = HASH_TIME / 2; ms < 11 * HASH_TIME; ms += HASH_TIME) {
      const left = world.left()
      await checkFor(left, ms)
      const next = left.killed()
      const store = await next.open(large)
      expect([ms, await next.run(wrongClaims(store, large))]).toEqual([ms, []])
      await next.run(store.close())
    }
  })

  it("that only reads leaves nothing believed that it found damaged, either, when it is stopped", async () => {
    const world = await complete()
    world.disk.flipByte(large.pathOf(A), 5)
    const { signal, abort } = stopper()
    const { metainfo } = large
    const place = { platform: world.platform, metainfo, datastore: DATASTORE, takeLock: lockOn(world.disk) }
    const check = verifyData({ ...place, signal, onProgress: abort })
    expect(await world.run(check.catch((error: unknown) => error))).toEqual(code("AT_ABORTED"))
    const { store, hashed } = await openCounting(world)
    expect(store.have.has(0)).toBe(false)
    // Of the file that it is in, all that is not claimed.
    expect(hashed).toBe(1)
    await world.run(store.close())
  })

  it("believes nothing any more that it has not hashed, once a sample was wrong after a power cut", async () => {
    const before = await complete()
    await before.open(large)
    const world = before.powerCut(0)
    const last = ALL - 1
    world.disk.flipByte(large.pathOf(A), 5)
    world.disk.flipByte(large.pathOf(B), large.fileData(B).length - 1)
    expect(doneIn(world, large)).toHaveLength(ALL)
    let total = 0
    const onChecking = (_: number, all: number): void => {
      total = all
    }
    await checkFor(world, (ALL + 8) * HASH_TIME, { onChecking })
    expect(Math.ceil(total / PIECE)).toBeGreaterThan(ALL)
    const next = world.killed()
    expect(doneIn(next, large)).not.toContain(0)
    expect(doneIn(next, large)).not.toContain(last)
    const store = await next.open(large)
    expect(store.have.count).toBe(ALL - 2)
    await next.run(store.close())
  })
})
