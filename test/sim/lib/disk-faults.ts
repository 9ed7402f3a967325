import { DiskError, type DiskFailure, type OpenMode } from "../../../src/ports/disk.js"

/** One operation of the disk, as it was asked for. */
export interface DiskOperation {
  /** Counts from 0 over the life of the disk. */
  readonly index: number
  readonly kind:
    | "open"
    | "read"
    | "write"
    | "truncate"
    | "stat-handle"
    | "sync"
    | "close"
    | "stat"
    | "make-directory"
    | "list"
    | "rename"
    | "remove"
    | "remove-directory"
    | "sync-directory"
    | "free-bytes"
    | "lock"
  readonly path: string
  /** Where a rename goes. */
  readonly to?: string
  readonly mode?: OpenMode
  readonly position?: number
  readonly length?: number
}

interface Fault {
  readonly matches: (operation: DiskOperation) => boolean
  readonly failure: DiskFailure
  readonly lasting: boolean
}

const CHANGING: ReadonlySet<DiskOperation["kind"]> = new Set([
  "write",
  "truncate",
  "make-directory",
  "rename",
  "remove",
  "remove-directory",
  "lock",
])

/** Does the operation change what is on the disk, or ask for the right to? */
export function isChange(operation: DiskOperation): boolean {
  return CHANGING.has(operation.kind) || (operation.kind === "open" && operation.mode !== "read")
}

/** Which operations are to fail. */
export class DiskFaults {
  #faults: Fault[] = []

  /** `when`: an operation's index, or a test of it. */
  add(when: number | ((operation: DiskOperation) => boolean), failure: DiskFailure, times: "once" | "forever"): void {
    const lasting = times === "forever"
    const matches =
      typeof when === "function" ? when : ({ index }: DiskOperation) => (lasting ? index >= when : index === when)
    this.#faults.push({ matches, failure, lasting })
  }

  clear(): void {
    this.#faults = []
  }

  /** The error this operation ends with, if any. */
  take(operation: DiskOperation): DiskError | undefined {
    const fault = this.#faults.find(({ matches }) => matches(operation))
    if (fault === undefined) return undefined
    if (!fault.lasting) this.#faults = this.#faults.filter((other) => other !== fault)
    return new DiskError(
      fault.failure,
      operation.path,
      `${operation.kind} ${operation.path}: ${fault.failure} (injected)`,
    )
  }
}
