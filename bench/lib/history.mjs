import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { ROOT } from "./options.mjs"

const HISTORY = join(ROOT, "bench/history.jsonl")

/** Adds a result, with every sample, as one line. */
export function remember(result) {
  appendFileSync(HISTORY, `${JSON.stringify(result)}\n`)
}
