import { describe, expect } from "vitest"
import { AtError } from "../../src/errors.js"
import type { AcquireLock } from "../../src/ports/lock.js"
import { holds, type MakeStage } from "./stage.js"

export interface LockSubject {
  readonly acquireLock: AcquireLock
  /** A folder that exists and is empty. */
  readonly folder: string
}

/** What `src/ports/lock.ts` promises. */
export function describeLockCompliance(name: string, make: MakeStage<LockSubject>): void {
  const locked = { name: "AtError", code: "AT_LOCKED" }

  describe(`lock of ${name}`, () => {
    holds("lets one holder in at a time", make, async ({ acquireLock, folder }) => {
      const lock = await acquireLock(`${folder}/lock`)
      await expect(acquireLock(`${folder}/lock`)).rejects.toMatchObject(locked)
      await lock.release()
      await (await acquireLock(`${folder}/lock`)).release()
    })

    holds("lets one in of many that come together", make, async ({ acquireLock, folder }) => {
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(`${folder}/lock`)))
      const winners = outcomes.filter((outcome) => outcome.status === "fulfilled")
      expect(winners).toHaveLength(1)
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toMatchObject(locked)
      }
      await winners[0]!.value.release()
    })

    holds("takes a second release as nothing, even when another holds the lock by then", make, async (subject) => {
      const { acquireLock, folder } = subject
      const first = await acquireLock(`${folder}/lock`)
      await first.release()
      const second = await acquireLock(`${folder}/lock`)
      await first.release()
      await expect(acquireLock(`${folder}/lock`)).rejects.toMatchObject(locked)
      await second.release()
    })

    holds("keeps different locks apart", make, async ({ acquireLock, folder }) => {
      const locks = await Promise.all(["a", "b", "c"].map((file) => acquireLock(`${folder}/${file}`)))
      await Promise.all(locks.map((lock) => lock.release()))
    })

    holds("says that the disk refused when the folder is missing", make, async ({ acquireLock, folder }) => {
      const error: unknown = await acquireLock(`${folder}/none/lock`).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(AtError)
      expect(error).toMatchObject({ code: "AT_DISK_IO" })
    })
  })
}
