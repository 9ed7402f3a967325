import * as fs from "node:fs"
import { escapeForTerminal } from "../bytes/text.js"
import { AtError } from "../errors.js"
import { isNoRoom } from "../ports/disk.js"
import { type AcquireLock, type Lock, LockedError } from "../ports/lock.js"
import { toDiskError } from "./disk-error.js"
import { errnoOf } from "./errno.js"
import { type Holder, readHolder } from "./lock-holder.js"
import { currentProcess, type ProcessIdentity, stateOf } from "./process-identity.js"

/** Milliseconds between two looks at a lock that someone is just writing or taking over. */
const LOOK_AGAIN = 20
/** So many looks until an unreadable lock counts as a wreck: a second. */
const WRECK_AFTER = 50
const MAX_LOOKS = 100
/** The lock for taking over a lock can be stale itself, and so on; more of them in a row are no accident. */
const MAX_DEPTH = 3
/** What `link` answers on file systems without hard links. */
const NO_LINKS = new Set(["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"])

/** The tokens of the locks this thread holds. */
const held = new Set<string>()

/**
 * Locks by files that name their holder: they work on all file systems, where `flock` does not.
 *
 * A lock comes into being whole, as a hard link to a file written before. A stale one is only ever replaced, by a
 * rename, and only by who holds the lock for doing that (PATH.takeover): its holder is gone, so nobody else can change
 * it between the last look and the rename.
 */
export const acquireLock: AcquireLock = async (path) => {
  try {
    return await acquire(path, 0)
  } catch (error) {
    if (error instanceof AtError) throw error
    const failure = lockFailure(error, path)
    // Who can't write there is to know all the same that somebody else does.
    throw holderDespite(path, failure) ?? failure
  }
}

async function acquire(path: string, depth: number): Promise<Lock> {
  const self: Holder = { ...currentProcess(), token: process.getBuiltinModule("node:crypto").randomUUID() }
  for (let look = 0; look < MAX_LOOKS; look++) {
    if (create(path, self)) return new FileLock(path, self.token)
    const found = readHolder(path)
    if (found === "nothing") continue
    const refusal = found === "unreadable" ? undefined : whenHeld(path, found, self)
    if (refusal !== undefined) throw refusal
    const stale = found !== "unreadable" || look >= WRECK_AFTER
    if (stale && (await takeOver(path, found, self, depth))) return new FileLock(path, self.token)
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN))
  }
  throw new LockedError(path, "others are taking it at this moment", "try again")
}

class FileLock implements Lock {
  readonly #path: string
  readonly #token: string

  constructor(path: string, token: string) {
    this.#path = path
    this.#token = token
    held.add(token)
  }

  async release(): Promise<void> {
    if (!held.has(this.#token)) return
    try {
      if (isHeldBy(this.#path, this.#token)) remove(this.#path)
    } catch (error) {
      throw lockFailure(error, this.#path)
    } finally {
      held.delete(this.#token)
    }
  }
}

/** Takes a lock that nobody has. False when somebody has. */
function create(path: string, self: Holder): boolean {
  const draft = writeDraft(path, self)
  try {
    fs.linkSync(draft, path)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === "EEXIST") return false
    if (!NO_LINKS.has(errno)) throw error
    if (!createWithoutLink(path, self)) return false
  } finally {
    remove(draft)
  }
  return isHeldBy(path, self.token)
}

function createWithoutLink(path: string, self: Holder): boolean {
  try {
    writeNew(path, self)
    return true
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false
    throw error
  }
}

/** Replaces a stale lock. False when somebody else is doing it or did. */
async function takeOver(path: string, stale: Holder | "unreadable", self: Holder, depth: number): Promise<boolean> {
  if (depth === MAX_DEPTH) throw new LockedError(path, "it can't be taken over", `remove ${path}*`)
  const guard = await acquire(`${path}.takeover`, depth + 1).catch((error: unknown) => {
    if (error instanceof AtError) return undefined
    throw error
  })
  if (guard === undefined) return false
  try {
    const found = readHolder(path)
    const unchanged =
      typeof found === "string" ? found === stale : typeof stale !== "string" && found.token === stale.token
    if (!unchanged) return false
    const draft = writeDraft(path, self)
    try {
      fs.renameSync(draft, path)
    } catch (error) {
      remove(draft)
      throw error
    }
    return isHeldBy(path, self.token)
  } finally {
    await guard.release()
  }
}

function remove(path: string): void {
  try {
    fs.unlinkSync(path)
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error
  }
}

function writeDraft(path: string, self: Holder): string {
  const draft = `${path}.${self.token}`
  writeNew(draft, self)
  return draft
}

/** Says who holds the lock, in a file that is not there. Nothing stays of one that could be made and not written, as on a full disk. */
function writeNew(path: string, self: Holder): void {
  const descriptor = fs.openSync(path, "wx")
  try {
    fs.writeFileSync(descriptor, JSON.stringify(self))
  } catch (error) {
    fs.unlinkSync(path)
    throw error
  } finally {
    fs.closeSync(descriptor)
  }
}

function isHeldBy(path: string, token: string): boolean {
  const found = readHolder(path)
  return typeof found !== "string" && found.token === token
}

/** What to tell who wants the lock; undefined when its holder is gone. `cause`: why it could not even be tried to take it. */
function whenHeld(path: string, holder: Holder, self: ProcessIdentity, cause?: unknown): AtError | undefined {
  if (held.has(holder.token)) return heldHere(path)
  switch (stateOf(holder, self)) {
    case "running":
      // Perhaps another copy of this code on the same thread.
      if (holder.pid === self.pid) {
        return new LockedError(path, "another thread of this process is using it", "close the dataset there", cause)
      }
      return new LockedError(path, `process ${holder.pid} is using it`, `stop process ${holder.pid}`, cause)
    case "unknown": {
      const where = escapeForTerminal(holder.host)
      return new LockedError(
        path,
        `process ${holder.pid} on ${where} is using it`,
        `if that machine or container is gone for good or was restarted, remove ${path}`,
        cause,
      )
    }
    case "gone":
      return undefined
  }
}

function holderDespite(path: string, { cause }: AtError): AtError | undefined {
  try {
    const found = readHolder(path)
    return typeof found === "string" ? undefined : whenHeld(path, found, currentProcess(), cause)
  } catch {
    return undefined
  }
}

function heldHere(path: string): AtError {
  return new AtError("AT_LOCKED", `${path} is locked: this process is using it already`, {
    hint: "close the open dataset, or wait until the other call has ended",
  })
}

function lockFailure(error: unknown, path: string): AtError {
  const cause = toDiskError(error, "lock", path)
  const { failure, message } = cause
  return isNoRoom(failure)
    ? new AtError("AT_DISK_FULL", message, { hint: "remove what you do not need, then try again", cause })
    : new AtError("AT_DISK_IO", message, {
        hint: "check that you may write to that folder, or use another `datastore`",
        cause,
      })
}
