import { expect, it } from "vitest"
import { Turns, type Use } from "../../../src/dataset/turns.js"
import { AtError } from "../../../src/errors.js"
import type { Lock } from "../../../src/ports/lock.js"
import { deferred } from "../../support/deferred.js"

const LOCK: Lock = { release: () => Promise.resolve() }
const passing: Use = { name: "data", passing: () => true, idleTime: () => 0, waitingFor: () => null }
const held: Use = { ...passing, passing: () => false }
const asTheyAre = (path: string): Promise<string> => Promise.resolve(path)
const wait = (_: Use, ended: Promise<void>): Promise<void> => ended

it("gives many who come together their turns, one at a time", async () => {
  const turns = new Turns(asTheyAre)
  let inside = 0
  const done: number[] = []
  const acquireLock = (): Promise<Lock> => {
    expect(++inside).toBe(1)
    return Promise.resolve({ release: () => Promise.resolve(void inside--) })
  }
  await Promise.all(
    [1, 2, 3, 4].map(async (number) => {
      const lock = await turns.take("/data/lock", passing, { acquireLock, wait })
      await Promise.resolve()
      done.push(number)
      await lock.release()
    }),
  )
  expect(done).toEqual([1, 2, 3, 4])
})

it("keeps nobody out for the sake of who gets no lock", async () => {
  const turns = new Turns(asTheyAre)
  const first = deferred<Lock>()
  const fault = new AtError("AT_DISK_IO", "read-only", { hint: "none" })
  const one = turns.take("/data/lock", held, { acquireLock: () => first.promise, wait })
  const two = turns.take("/data/lock", held, { acquireLock: () => Promise.resolve(LOCK), wait })
  first.reject(fault)
  await expect(one).rejects.toBe(fault)
  await (await two).release()
})

it("keeps datasets apart", async () => {
  const turns = new Turns(asTheyAre)
  const acquireLock = (): Promise<Lock> => Promise.resolve(LOCK)
  await turns.take("/one/lock", held, { acquireLock, wait })
  await turns.take("/two/lock", held, { acquireLock, wait })
  await expect(turns.take("/one/lock", passing, { acquireLock, wait })).rejects.toMatchObject({ code: "AT_LOCKED" })
})
