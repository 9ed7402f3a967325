import { absolutePath, datastoreSetting } from "../node/user-settings.js"
import { checkPath } from "./check-options.js"

let chosen: string | undefined

/**
 * Sets the folder in which this process stores datasets, for all calls without the option `datastore`.
 *
 * Without this call, or with an empty path, it is the environment variable `AT_DATASTORE`, else the `datastore` in
 * `~/.academictorrents.config`, else `~/.academictorrents-datastore`.
 *
 * @param path absolute, relative to the current folder, or beginning with `~/`
 * @throws AtError `AT_INVALID_INPUT` if it is not a string
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
