import type { FileStat, NewName, SmallWrite } from "../ports/disk.js"

/** What the main thread tells the disk worker. Chunks in shared memory are not copied. */
export type ToDiskWorker =
  | { readonly type: "write"; readonly writes: readonly SmallWrite[] }
  | { readonly type: "name"; readonly names: readonly NewName[] }

/** The worker's answer to each, in their order. */
export type FromDiskWorker = readonly (FileStat | undefined)[] | readonly boolean[]
