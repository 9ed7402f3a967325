import type { Platform } from "../ports/platform.js"
import type { MseTools } from "../wire/mse.js"

/** The machine, as far as message stream encryption needs it. */
export function mseTools({ hasher, random }: Pick<Platform, "hasher" | "random">): MseTools {
  return { sha1: (data) => hasher.digest("sha1", data), random }
}
