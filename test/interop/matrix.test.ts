import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, it } from "vitest"
import { type MatrixSample, makeSamples } from "../support/matrix/samples.js"
import {
  COLUMN_NAMES,
  COLUMNS,
  type Column,
  DIRECTIONS,
  ROW_NAMES,
  type RowName,
  type SampleName,
  whyNot,
} from "../support/matrix/table.js"
import { throughPex } from "../support/matrix/through-pex.js"
import { transfer } from "../support/matrix/transfer.js"
import { lossMissing } from "../support/netns.js"
import {
  aria2,
  deluge,
  describeWith,
  libtorrent,
  type Partner,
  qbittorrent,
  rtorrent,
  transmission,
  webtorrent,
} from "../support/partners/index.js"

// The built command and each of the usual clients, one to one, in every way that both speak: test/support/matrix/table.ts
// says which, and why not the others. The results are printed as a table at the end of the run.

const PARTNERS: Record<RowName, Partner> = {
  transmission,
  aria2,
  rtorrent,
  libtorrent,
  "qbittorrent-nox": qbittorrent,
  deluge,
  webtorrent,
}

const SENTENCES = { get: "we download from it", give: "it downloads from us" }

let folder: string
let samples: Record<SampleName, MatrixSample>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-matrix-"))
  samples = await makeSamples(folder)
})

// Thousands of files.
afterAll(() => rm(folder, { recursive: true, force: true }), 300_000)

describe.concurrent("the matrix", () => {
  for (const row of ROW_NAMES) {
    const partner = PARTNERS[row]
    const missing = partner.missing() ?? lossMissing()
    describeWith(row, [{ missing: () => missing }], () => {
      for (const column of COLUMN_NAMES) {
        for (const direction of DIRECTIONS) {
          const cell = { row, column, direction }
          if (whyNot(cell) !== undefined) continue
          it(`${column}: ${SENTENCES[direction]}`, { timeout: 300_000, meta: { cell, missing } }, async () => {
            const details: Column = COLUMNS[column]
            const sample = samples[details.sample ?? "v1"]
            if (details.pex) await throughPex(direction, { partner, options: details.ours ?? [], sample, folder })
            else await transfer(direction, { partner, column: details, sample, folder })
          })
        }
      }
    })
  }
})
