import { AtError } from "../errors.js"
import { followLink } from "../node/follow-link.js"
import type { AcquireLock, Lock } from "../ports/lock.js"
import { parentOf } from "../storage/directories.js"

/** What somebody in this process does with a dataset on disk. */
export interface Use {
  /** The dataset's. */
  readonly name: string
  /** It ends without anybody's doing: a call is at work, or it is being closed. */
  passing(): boolean
  /** ms since something arrived for it. */
  idleTime(): number
  /** Why nothing arrives, if that is known. */
  waitingFor(): string | null
}

interface Holder {
  readonly use: Use
  readonly lock: Promise<Lock>
  readonly ended: Promise<void>
}

/**
 * Who in this process uses which dataset on disk. A lock keeps one process from another; of two uses in one process the
 * second waits for the first where that ends by itself. Where it does not, waiting could last forever, and is refused.
 */
export class Turns {
  /** By the folders of their locks, as `realPath` has them. */
  readonly #holders = new Map<string, Holder>()
  readonly #realPath: (path: string) => Promise<string>

  /** `realPath`: one path for all by which a folder can be reached. */
  constructor(realPath: (path: string) => Promise<string>) {
    this.#realPath = realPath
  }

  /**
   * Takes the lock at `path` for `use`, as soon as no other use in this process is in the way. `wait` waits for the end of
   * one that is; when it rejects, so does this.
   *
   * @throws AtError `AT_LOCKED` when another process holds it, or a use in this one that does not end by itself
   */
  async take(
    path: string,
    use: Use,
    { acquireLock, wait }: { acquireLock: AcquireLock; wait: (other: Use, ended: Promise<void>) => Promise<void> },
  ): Promise<Lock> {
    const place = await this.#realPath(parentOf(path))
    for (let other = this.#holders.get(place); other !== undefined; other = this.#holders.get(place)) {
      // Where it gets no lock, nobody is in the way.
      await other.lock.catch(() => {})
      if (this.#holders.get(place) !== other) continue
      if (!other.use.passing()) throw heldHere(use.name)
      await wait(other.use, other.ended)
    }
    let end!: () => void
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const holder = { use, lock: acquireLock(path), ended }
    const leave = (): void => {
      if (this.#holders.get(place) === holder) this.#holders.delete(place)
      end()
    }
    this.#holders.set(place, holder)
    try {
      const lock = await holder.lock
      return { release: () => lock.release().finally(leave) }
    } catch (error) {
      leave()
      throw error
    }
  }
}

/** Those of all datasets of this thread. */
export const processTurns = new Turns(followLink)

function heldHere(name: string): AtError {
  return new AtError("AT_LOCKED", `${name} is open in this process already`, {
    hint: "use the open dataset, or close it first; a get that keeps sharing ends when its signal is aborted",
  })
}
