import { existsSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { JOBS } from "./jobs.mjs"

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export const USAGE = `node bench/run.mjs JOB… [options]

  JOB                   ${Object.keys(JOBS).join(" ")}, or all
  --clients A,B         these clients only (default: all installed, and the limit)
  --ours DIR            another checkout of ours with a build, instead of this one
  --ours NAME=DIR       one more build, as client ours:NAME; may be repeated
  --runs N              counted runs a client (default 5)
  --warm-up N           uncounted runs before (default 1)
  --scale X             so much of the data: 0.1 for a quick look (default 1)
  --timeout S           the longest that one run may take, seconds (default 300)
  --dir DIR             where the data goes (default ${tmpdir()})
  --json                JSON instead of tables
  --no-history          nothing is added to bench/history.jsonl
  --list                jobs, clients, and what is missing here`

/** Wrong use: told without a stack. */
export class UsageError extends Error {}

/** What the command line asks for; throws UsageError. */
export function readOptions(args) {
  const { values, positionals } = parse(args)
  const jobs = positionals.includes("all") ? Object.keys(JOBS) : [...new Set(positionals)]
  const unknown = jobs.find((job) => !(job in JOBS))
  if (unknown !== undefined) throw new UsageError(`no job "${unknown}": ${Object.keys(JOBS).join(" ")}, all`)
  if (jobs.length === 0 && !values.list && !values.help)
    throw new UsageError("which jobs? For example: p1 p2, or --list")
  return {
    jobs,
    clients: values.clients?.split(","),
    builds: readBuilds(values.ours),
    runs: number("runs", values.runs, 1),
    warmUp: number("warm-up", values["warm-up"], 0),
    scale: number("scale", values.scale, 0.0001),
    timeout: number("timeout", values.timeout, 1),
    dir: folder("dir", values.dir),
    json: values.json,
    history: !values["no-history"],
    list: values.list,
    help: values.help,
  }
}

function parse(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        clients: { type: "string" },
        ours: { type: "string", multiple: true, default: [] },
        runs: { type: "string", default: "5" },
        "warm-up": { type: "string", default: "1" },
        scale: { type: "string", default: "1" },
        timeout: { type: "string", default: "300" },
        dir: { type: "string", default: tmpdir() },
        json: { type: "boolean", default: false },
        "no-history": { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    })
  } catch (error) {
    throw new UsageError(error.message)
  }
}

/** This checkout or the one given without a name, and the named ones. */
function readBuilds(values) {
  let plain = ROOT
  const named = []
  for (const value of values) {
    const [, name, dir] = /^(?:(\w[\w.-]*)=)?(.*)$/s.exec(value)
    if (name === undefined) plain = folder("ours", dir)
    else if (named.some((build) => build.name === name)) throw new UsageError(`--ours ${name}= is there twice`)
    else named.push({ name, dir: folder("ours", dir) })
  }
  return [{ dir: plain }, ...named]
}

function folder(option, value) {
  const path = resolve(value)
  if (!existsSync(path) || !statSync(path).isDirectory()) throw new UsageError(`--${option}: no folder ${path}`)
  return path
}

function number(option, value, least) {
  const parsed = Number(value)
  const whole = option === "runs" || option === "warm-up"
  if (!(parsed >= least) || parsed === Infinity || (whole && !Number.isInteger(parsed))) {
    throw new UsageError(`--${option} ${value}: ${whole ? "a whole number" : "a number"} of at least ${least}`)
  }
  return parsed
}
