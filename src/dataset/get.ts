import { abortWith } from "./abort-with.js"
import { alreadyThere } from "./already-there.js"
import { Dataset } from "./dataset.js"
import { guarded } from "./guarded.js"
import type { Options } from "./options.js"
import { understand } from "./understand.js"

/**
 * Downloads a dataset, or verifies what is already there, and returns its path.
 *
 * If another `get` of this process is working on the same dataset in the same datastore, it waits until that has ended.
 *
 * @param target an infohash, a magnet link, the path or URL of a .torrent file, or a page of Academic Torrents
 * @returns the absolute path of the dataset's file or folder; the chosen files are complete and verified
 * @throws AtError whose `code` says what went wrong; the same call later continues where this one stopped
 *
 * @example
 * ```ts
 * import * as at from "academictorrents"
 * const path = await at.get("323a0048d87ca79b68f12a6350a57776b6a3b7fb", { datastore: "/scratch/datasets", include: ["*.gz"] })
 * ```
 */
export async function get(target: string, options: Options = {}): Promise<string> {
  const asked = await guarded(async () => understand(target, options))
  const there = await alreadyThere(asked)
  if (there !== undefined) return there.path
  const { seed = false, signal } = asked.options
  await using dataset = await Dataset.openFor(asked, { passing: !seed })
  const path = await dataset.download()
  if (seed) await aborted(signal)
  return path
}

/**
 * Opens a dataset: loads its metadata and no data. Close it when you are done, or hold it with `await using`.
 *
 * @param target as for {@link get}
 * @throws AtError `AT_INVALID_INPUT`, `AT_NOT_FOUND`, `AT_METADATA`, `AT_STALLED` (with `timeout`), `AT_ABORTED`
 *
 * @example
 * ```ts
 * const dataset = await at.open("323a0048d87ca79b68f12a6350a57776b6a3b7fb")
 * for (const file of dataset.files) console.log(file.path, file.length)
 * await dataset.close()
 * ```
 */
export function open(target: string, options: Options = {}): Promise<Dataset> {
  return Dataset.open(target, options)
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  const over = abortWith(signal)
  return new Promise((resolve) => {
    if (over.signal.aborted) resolve()
    else over.signal.addEventListener("abort", () => resolve())
  })
}
