import { diskFault } from "./disk-fault.js"
import { writeInventory } from "./inventory.js"
import type { OpenedStore } from "./open-store.js"
import type { PieceWriter } from "./piece-writer.js"
import { stampFiles } from "./stamp-files.js"

/**
 * Leaves the books in order when nothing is under way any more: a clean mark, unless something went wrong, then the
 * inventory; and gives the lock back. Never rejects.
 */
export async function closeStore(opened: OpenedStore, writer: PieceWriter): Promise<void> {
  const { durability, pool, journal, lock, platform } = opened
  const warn = (what: string, error: unknown): void =>
    platform.log.log("warn", "storage", `${what}: ${diskFault(error).message}`)
  let clean = false
  try {
    await durability.finish()
    await pool.close()
    await writer.settled()
    if (writer.fault === undefined) {
      await stampFiles(opened)
      await journal.markClean()
      clean = true
    }
  } catch (error) {
    // The next start finds no clean mark, and checks more.
    warn("no clean mark", error)
  }
  await journal.close().catch(() => {})
  if (clean) await writeInventory(opened)
  // A lock that stays behind is taken over by the next process: ours is gone then.
  await lock.release().catch((error: unknown) => warn("the lock can't be removed", error))
}
