import { absolutePath, datastoreSetting } from "../node/user-settings.js"
import { checkPath } from "./check-options.js"

let chosen: string | undefined

/**
 * Sets where datasets go in this process, for calls that do not say.
 *
 * Without it, or with an empty path: the environment's `AT_DATASTORE`, else the `datastore` of `~/.academictorrents.config`, else
 * `~/.academictorrents-datastore`.
 *
 * @throws AtError `AT_INVALID_INPUT` when it is no string
 *
 * @example
 * ```ts
 * at.setDatastore("/scratch/datasets")
 * ```
 */
export function setDatastore(path: string): void {
  checkPath(path)
  chosen = path === "" ? undefined : absolutePath(path)
}

/** Where datasets go when a call does not say: absolute. */
export function defaultDatastore(): string {
  return chosen ?? datastoreSetting()
}
