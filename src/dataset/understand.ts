import { AtError } from "../errors.js"
import { absolutePath, readUserSettings, type UserSettings } from "../node/user-settings.js"
import type { Platform } from "../ports/platform.js"
import { checkOptions, checkTarget, checkUrl } from "./check-options.js"
import { defaultDatastore } from "./datastore.js"
import { bootstrapNodes } from "./dht-settings.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"
import { looksLikeInfoHash, looksLikePath, malformed, parseTarget, type Target } from "./target.js"

/** What a user asks for, whatever becomes of the options, the current folder and the like after the call. */
export interface Understood {
  readonly target: string
  /** The path of a file is absolute. */
  readonly parsed: Target
  /** `data` is absolute. */
  readonly options: Options
  /** Absolute. */
  readonly datastore: string
  readonly settings: UserSettings
}

/**
 * Understands what a user asks for, as things are now.
 *
 * @throws AtError `AT_INVALID_INPUT`
 */
export function understand(target: string, options: Options): Understood {
  checkTarget(target)
  checkOptions(options)
  const settings = readUserSettings()
  // The Python package's default is the empty text.
  const datastore = options.datastore ? absolutePath(options.datastore) : defaultDatastore()
  const parsed = parseTarget(target, options.site ?? settings.site)
  parsePeers(options.peers ?? [])
  bootstrapNodes(options)
  if (settings.site !== undefined) checkUrl("AT_SITE", settings.site)
  const local = parsed.kind === "file" ? { ...parsed, path: absolutePath(parsed.path) } : parsed
  return { target, parsed: local, options: copy(options), datastore, settings }
}

function copy(options: Options): Options {
  const values = Object.entries(options).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value])
  const copied = Object.fromEntries(values) as Options
  return { ...copied, data: options.data && absolutePath(options.data) }
}

/**
 * A target that names a file which is not there was perhaps meant as something else.
 *
 * @throws AtError `AT_INVALID_INPUT`
 */
export async function refuseMistyped({ target, parsed }: Understood, { disk }: Pick<Platform, "disk">): Promise<void> {
  if (parsed.kind !== "file" || looksLikePath(target) || (await disk.stat(parsed.path)) !== undefined) return
  if (!looksLikeInfoHash(target)) throw malformed(target)
  throw new AtError("AT_INVALID_INPUT", `"${target}" does not name a dataset: an infohash has 40 hex digits`, {
    hint: `check the infohash: this has ${target.trim().length} digits`,
  })
}
