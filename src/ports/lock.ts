/** A place that this process alone may use until it lets go. */
export interface Lock {
  /** Lets go; a second call does nothing. */
  release(): Promise<void>
}

/**
 * Takes the lock that the file at `path` (absolute) stands for; its folder must exist. Does not wait.
 *
 * A lock whose process is gone, or that was taken before the machine's last start, is taken over.
 * @throws AtError `AT_LOCKED` when another process, or this one, holds it; `AT_DISK_IO` when the disk refuses
 */
export type AcquireLock = (path: string) => Promise<Lock>
