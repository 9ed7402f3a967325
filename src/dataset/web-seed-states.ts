import type { Metainfo } from "../metainfo/metainfo.js"
import { probe } from "../webseed/probe.js"
import { distinctPlaces, urlLayout, whyForbidden } from "../webseed/url-layout.js"
import type { Options } from "./options.js"
import type { ResolveContext } from "./resolve.js"
import { unlessAborted } from "./unless-aborted.js"

/** Web seeds that have not answered by then are not waited for, ms. */
const PATIENCE = 5_000
/** Of one dataset: far more than any has. */
const MAX_WEB_SEEDS = 50

/**
 * Whether one web seed has the file `file` (a path in the dataset) in the right size; its bytes were not compared. `ranges`: it
 * sends parts of files, and not only whole ones. If it does not have the file, or was not asked, `message` says why.
 */
export type WebSeedState =
  | { readonly kind: "there"; readonly url: string; readonly file: string; readonly ranges: boolean }
  | { readonly kind: "failed"; readonly url: string; readonly message: string }

/** Asks all web seeds, at the same time, for the first byte of the first file of `selected` that is not empty. */
export async function webSeedStates(
  { platform, offline }: Pick<ResolveContext, "platform" | "offline">,
  metainfo: Metainfo,
  { urls = [], webSeeds = true }: Pick<Options, "urls" | "webSeeds">,
  selected: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<WebSeedState[]> {
  const { files } = metainfo.layout
  const index = files.findIndex(({ length, padding }, at) => selected.has(at) && length > 0 && !padding)
  const file = files[index]
  if (file === undefined) return []
  const places = distinctPlaces([...urls, ...(webSeeds ? metainfo.webSeeds : [])], metainfo).slice(0, MAX_WEB_SEEDS)
  const enough = new AbortController()
  const timer = platform.clock.after(PATIENCE, () => enough.abort())
  const ask = async (url: string): Promise<WebSeedState> => {
    const failed = (message: string): WebSeedState => ({ kind: "failed", url, message })
    const namedByUser = urls.includes(url)
    const forbidden = namedByUser ? undefined : whyForbidden(url)
    if (forbidden !== undefined) return failed(forbidden)
    const layout = urlLayout(url, metainfo)
    if (layout.kind === "unusable") return failed(layout.reason)
    if (offline) return failed("not asked: offline")
    const { path: name, length } = file
    const place = { url: layout.urlOf(index), namedByUser }
    const found = await probe(platform, place, { name, length }, enough.signal)
    if (found.kind === "failed") return failed(`${file.path}: ${found.reason}`)
    return { kind: "there", url, file: file.path, ranges: found.ranges }
  }
  try {
    return await unlessAborted(signal, Promise.all(places.map(ask)))
  } finally {
    timer.cancel()
    enough.abort()
  }
}
