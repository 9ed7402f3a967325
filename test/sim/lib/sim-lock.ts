import { AtError } from "../../../src/errors.js"
import { DiskError } from "../../../src/ports/disk.js"
import { type AcquireLock, LockedError } from "../../../src/ports/lock.js"
import type { MemoryDisk } from "./memory-disk.js"

/** Locks on a memory disk. `fork` and `crash` make disks on which nobody holds any: their process is gone. */
export function lockOn(disk: MemoryDisk): AcquireLock {
  return async (path) => {
    try {
      await disk.operate({ kind: "lock", path }, () => {
        if (disk.hold(path) === "taken") {
          throw new LockedError(path, "another process is using it", "stop it")
        }
      })
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      const code = error.failure === "full" ? "AT_DISK_FULL" : "AT_DISK_IO"
      throw new AtError(code, error.message, { hint: "look at the disk", cause: error })
    }
    let held = true
    return {
      release: async () => {
        if (!held) return
        held = false
        await disk.operate({ kind: "lock", path }, () => disk.letGo(path))
      },
    }
  }
}
