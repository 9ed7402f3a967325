import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { bounded } from "./lib/bounds.js"
import { readCorpus } from "./lib/corpus.js"
import { explore } from "./lib/explore.js"
import { TARGETS } from "./targets/index.js"

// What `npm run fuzz` does for hours, for a moment: all inputs that once failed, and a fixed row of new ones.

const CORPUS = join(import.meta.dirname, "corpus")
const SEED = 1
const RUNS = 3000
/** ms; each takes about a second. The machine may be busy. */
const LONG = 300_000

describe.each(TARGETS)("fuzzing $name", (target) => {
  it("finds nothing in the inputs on which it once failed", async () => {
    for (const { name, input } of await readCorpus(CORPUS, target.name)) {
      expect(() => bounded(target.check, input), name).not.toThrow()
    }
  })

  it("finds nothing in new ones", { timeout: LONG }, () => {
    const { finding, tried } = explore({
      target,
      seed: SEED,
      goesOn: (count) => count < (target.runs ?? RUNS),
    })
    if (finding !== undefined) {
      const hex = Buffer.from(finding.input).toString("hex")
      throw new Error(`input ${tried}, ${hex.slice(0, 2000)}`, { cause: finding.error })
    }
  })
})
