import { AtError } from "../errors.js"

/** A place that this process alone may use until it lets go. */
export interface Lock {
  /** Lets go; a second call does nothing. */
  release(): Promise<void>
}

/**
 * Takes the lock that the file at `path` (absolute) stands for; its folder must exist. Does not wait.
 *
 * A lock whose process is gone, or (on Linux) whose thread, or that was taken before the machine's last start, is taken over, but
 * none that may be of another machine or container.
 * @throws LockedError when another process or thread holds it, even if the disk would refuse; AtError `AT_LOCKED` when this
 * thread does; `AT_DISK_IO`, `AT_DISK_FULL` when the disk refuses
 */
export type AcquireLock = (path: string) => Promise<Lock>

/** Another process, or another thread of this one, holds a lock. */
export class LockedError extends AtError {
  /** Who, in words: "process 7 on node3 is using it". */
  readonly holder: string
  /** What can be done about it besides waiting: "stop process 7". */
  readonly remedy: string

  /** `cause`: why the lock could not be taken even if it were free. */
  constructor(path: string, holder: string, remedy: string, cause?: unknown) {
    super("AT_LOCKED", `${path} is locked: ${holder}`, { hint: `wait for it with \`wait\`, or ${remedy}`, cause })
    this.holder = holder
    this.remedy = remedy
  }
}
