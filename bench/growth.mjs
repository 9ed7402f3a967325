// How cost grows: node bench/growth.mjs [pieces|files|peers|torrents]… [--ours DIR] [--runs 3] [--svg FILE] [--dir DIR]
// Prints a markdown table for each, medians of the runs, and writes a plot of all (default docs/performance-growth.svg).
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { AXES } from "./growth/axes.mjs"
import { plot } from "./growth/plot.mjs"
import { markdown } from "./growth/table.mjs"
import { describeMachine } from "./lib/machine.mjs"
import { ROOT } from "./lib/options.mjs"
import { median } from "./lib/report.mjs"

const POINT = fileURLToPath(new URL("growth/point.mjs", import.meta.url))

function wrongUse(message) {
  console.error(
    `${message}\nUsage: node bench/growth.mjs [${Object.keys(AXES).join("|")}]… [--ours DIR] [--runs N] [--svg FILE] [--dir DIR]`,
  )
  process.exit(2)
}

function readOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        ours: { type: "string", default: ROOT },
        runs: { type: "string", default: "3" },
        svg: { type: "string", default: join(ROOT, "docs/performance-growth.svg") },
        dir: { type: "string", default: tmpdir() },
      },
    })
  } catch (error) {
    return wrongUse(error.message)
  }
}

/** One point, in a process of its own: its peak memory is what it needed, and no other point has warmed its compiler. */
function measure(axis, count, dist, parent) {
  const dir = mkdtempSync(join(parent, "growth-"))
  try {
    return JSON.parse(execFileSync(process.execPath, [POINT, axis, String(count), dist, dir], { encoding: "utf8" }))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function medians(runs) {
  return Object.fromEntries(Object.keys(runs[0]).map((name) => [name, median(runs.map((run) => run[name]))]))
}

const { values, positionals } = readOptions()
const unknown = positionals.find((name) => !(name in AXES))
if (unknown !== undefined) wrongUse(`no axis "${unknown}"`)
const runs = Number(values.runs)
if (!Number.isInteger(runs) || runs < 1) wrongUse(`--runs ${values.runs}: a whole number of at least 1`)
const dist = join(resolve(values.ours), "dist")
if (!existsSync(dist)) wrongUse(`no build in ${values.ours}: npm run build`)

const { cpu, node } = describeMachine()
console.log(`${cpu}, Node ${node}, ${new Date().toISOString().slice(0, 10)}; runs: ${runs}`)
const panels = []
for (const axis of positionals.length === 0 ? Object.keys(AXES) : positionals) {
  const points = AXES[axis].counts.map((count) => ({
    count,
    figures: medians(Array.from({ length: runs }, () => measure(axis, count, dist, values.dir))),
  }))
  console.log(`\n${markdown(axis, points)}`)
  panels.push({ title: axis, points })
}
writeFileSync(values.svg, plot(panels))
