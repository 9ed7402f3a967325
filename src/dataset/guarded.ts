import { AtError, messageOf } from "../errors.js"
import { DiskError, isNoRoom } from "../ports/disk.js"

/** Does `work`; whatever it fails with, an AtError comes out. A fault that nobody foresaw is `AT_BUG`. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toAtError(error)
  }
}

function toAtError(error: unknown): AtError {
  if (error instanceof AtError) return error
  if (error instanceof DiskError && isNoRoom(error.failure)) {
    return new AtError("AT_DISK_FULL", error.message, { hint: "free some space, or choose another path", cause: error })
  }
  if (error instanceof DiskError) {
    return new AtError("AT_DISK_IO", error.message, { hint: "check the path and its permissions", cause: error })
  }
  const message = messageOf(error)
  return new AtError("AT_BUG", message, { hint: "please report this", cause: error })
}
