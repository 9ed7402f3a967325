import { absolutePath, readUserSettings } from "../node/user-settings.js"

let chosen: string | undefined

/**
 * Sets where datasets go in this process, for calls that do not say.
 *
 * Without it: the environment's `AT_DATASTORE`, else the `datastore` of `~/.academictorrents.config`, else
 * `~/.academictorrents-datastore`.
 *
 * @example
 * ```ts
 * at.setDatastore("/scratch/datasets")
 * ```
 */
export function setDatastore(path: string): void {
  chosen = absolutePath(path)
}

/** Where datasets go when a call does not say: absolute. */
export function defaultDatastore(): string {
  return chosen ?? readUserSettings().datastore
}
