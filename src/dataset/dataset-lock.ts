import { AtError } from "../errors.js"
import type { AcquireLock } from "../ports/lock.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import type { EngagementParts } from "./engagement.js"
import { patiently } from "./patiently.js"
import type { ProgressFeed } from "./progress-feed.js"
import { stillSnapshot } from "./still-snapshot.js"
import type { Use } from "./turns.js"

export interface DatasetLockOptions {
  readonly parts: Pick<EngagementParts, "turns" | "platform" | "options" | "resolved">
  readonly feed: ProgressFeed
  readonly dataset: { readonly name: string; readonly infoHash: string }
  /** What the lock is taken for, as others that want it see it. */
  readonly use: Use
}

/** How one of several uses of a dataset in this process comes by its lock. */
export class DatasetLock {
  readonly #options: DatasetLockOptions

  constructor(options: DatasetLockOptions) {
    this.#options = options
  }

  /** Where another use in this process has the lock, and will let it go by itself: when it has. `files`: what it is wanted for. */
  take(path: string, files: ReadonlySet<number>, signal: AbortSignal): ReturnType<AcquireLock> {
    const { parts, feed, dataset, use } = this.#options
    const { turns, platform, options, resolved } = parts
    let totalBytes = 0
    for (const file of files) totalBytes += resolved.metainfo.layout.files[file]!.length
    const wait = async (other: Use, ended: Promise<void>): Promise<void> => {
      const waitingFor = (): string => behind(other)
      const snapshot = (): ProgressSnapshot =>
        stillSnapshot(dataset, { state: "checking", doneBytes: 0, totalBytes, waitingFor: waitingFor() })
      const waited = {
        snapshot,
        waitingFor,
        get idleTime() {
          return other.idleTime()
        },
      }
      feed.follow(waited)
      try {
        await patiently(() => ended, waited, platform.clock, { signal, timeout: options.timeout })
      } finally {
        feed.forget()
      }
    }
    return turns.take(path, use, { acquireLock: platform.acquireLock, wait })
  }

  /** For a moment. @throws AtError `AT_LOCKED` where {@link take} would wait */
  takeAtOnce(path: string): ReturnType<AcquireLock> {
    const { turns, platform } = this.#options.parts
    const { name } = this.#options.dataset
    const use: Use = { name, passing: () => true, idleTime: () => 0, waitingFor: () => null }
    const wait = (): Promise<never> =>
      Promise.reject(new AtError("AT_LOCKED", `${name} is in use`, { hint: "try again when it is not" }))
    return turns.take(path, use, { acquireLock: platform.acquireLock, wait })
  }
}

function behind(other: Use): string {
  const reason = other.waitingFor()
  const why = reason === null ? "" : `: ${reason}`
  return `another call in this process is using it${why}`
}
