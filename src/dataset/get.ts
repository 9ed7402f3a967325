import { checkOptions } from "./check-options.js"
import { Dataset } from "./dataset.js"
import type { Options } from "./options.js"

/**
 * Downloads a dataset, or verifies what is there, and returns where it is.
 *
 * While another `get` of this process is at work on the same dataset in the same datastore, it waits for that one's end.
 *
 * @param target an infohash, a magnet link, a path to a .torrent, a URL of one, or an Academic Torrents page
 * @returns the absolute path of the dataset's file or folder: complete and verified
 * @throws AtError for whatever made it impossible; the same call later goes on where this one stopped
 *
 * @example
 * ```ts
 * import * as at from "academictorrents"
 * const path = await at.get("323a0048d87ca79b68f12a6350a57776b6a3b7fb")
 * ```
 */
export async function get(target: string, options: Options = {}): Promise<string> {
  // Looked into before it is opened.
  checkOptions(options)
  await using dataset = await (options.seed ? Dataset.open(target, options) : Dataset.openPassing(target, options))
  const path = await dataset.download()
  if (options.seed) await aborted(options.signal)
  return path
}

/**
 * Opens a dataset: its metadata only; nothing is downloaded yet. Close it when done, or hold it with `await using`.
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
  return new Promise((resolve) => {
    if (signal?.aborted) resolve()
    else signal?.addEventListener("abort", () => resolve(), { once: true })
  })
}
