// Single parts of the engine, one at a time: node bench/micro.mjs [decoder|picker|bencode|slots|rc4]… [--ours DIR] [--runs 5]
// Medians of the runs; the parts are those of a build, this checkout's or that in DIR.
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { ROOT } from "./lib/options.mjs"
import { median } from "./lib/report.mjs"
import { bencode } from "./micro/bencode.mjs"
import { decoder } from "./micro/decoder.mjs"
import { picker } from "./micro/picker.mjs"
import { rc4 } from "./micro/rc4.mjs"
import { slots } from "./micro/slots.mjs"

/**
 * Each measures one part of the build in the folder `dist` once.
 *
 * @type {Record<string, (dist: string) => Promise<{what: string, value: number, unit: string}[]>>}
 */
const BENCHMARKS = { decoder, picker, bencode, slots, rc4 }

function wrongUse(message) {
  console.error(
    `${message}\nUsage: node bench/micro.mjs [${Object.keys(BENCHMARKS).join("|")}]… [--ours DIR] [--runs N]`,
  )
  process.exit(2)
}

function readOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { ours: { type: "string", default: ROOT }, runs: { type: "string", default: "5" } },
    })
  } catch (error) {
    return wrongUse(error.message)
  }
}

const { values, positionals } = readOptions()
const unknown = positionals.find((name) => !(name in BENCHMARKS))
if (unknown !== undefined) wrongUse(`no benchmark "${unknown}"`)
const runs = Number(values.runs)
if (!Number.isInteger(runs) || runs < 1) wrongUse(`--runs ${values.runs}: a whole number of at least 1`)
const dist = join(resolve(values.ours), "dist")
if (!existsSync(dist)) wrongUse(`no build in ${values.ours}: npm run build`)

for (const name of positionals.length === 0 ? Object.keys(BENCHMARKS) : positionals) {
  await BENCHMARKS[name](dist) // warms the compiler
  const all = []
  for (let run = 0; run < runs; run++) all.push(await BENCHMARKS[name](dist))
  console.log(name)
  all[0].forEach(({ what, unit }, i) => {
    const value = median(all.map((rows) => rows[i].value))
    console.log(`  ${what.padEnd(48)} ${value.toFixed(value < 100 ? 1 : 0).padStart(8)} ${unit}`)
  })
}
