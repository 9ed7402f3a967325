import type { Command } from "commander"
import { escapeForTerminal } from "../../bytes/text.js"
import { formatSize } from "../../bytes/words.js"
import { Dataset } from "../../dataset/dataset.js"
import { AtError } from "../../errors.js"
import type { FileReport, VerifyReport } from "../../storage/verify.js"
import { addPlace, addSources, addVerbosity, type CommonFlags, checkPlace, toOptions, WAIT } from "../common-options.js"
import { sayIdleGlobs } from "../idle-globs.js"
import { type CommandContext, type Farewell, GOES_ON, type Run } from "../run.js"
import { thenStats } from "../then-stats.js"

/** Without --repair. */
const FAREWELL: Farewell = { stopping: "stopping", stopped: "stopped before all was checked" }

/** Missing files listed for people; after a `get` of some files there may be thousands. */
const MAX_MISSING = 20

interface VerifyFlags extends CommonFlags {
  repair?: boolean
  overwrite?: boolean
  wait?: boolean
  data?: string
}

export function addVerify(program: Command, run: Run): void {
  const command = program
    .command("verify")
    .argument("<target>", "infohash, magnet link, .torrent (path or URL), or details page")
    .description("check data on disk; name what is missing or wrong")
    .option("--data <path>", "the dataset's file or folder itself, wherever it is")
    .option("--repair", "download just what is missing or wrong")
    .option(
      "--overwrite",
      "with --repair: replace files that are in the way, and cut off bytes that files have beyond the dataset's",
    )
    .option("--wait", `with --repair: ${WAIT}`)
  addVerbosity(addSources(addPlace(command))).action((target: string, flags: VerifyFlags) =>
    run(flags, flags.repair ? GOES_ON : FAREWELL, (context) => verify(target, flags, context)),
  )
}

async function verify(target: string, flags: VerifyFlags, { console, signal }: CommandContext): Promise<void> {
  if (flags.data !== undefined && flags.repair) {
    throw new AtError("AT_INVALID_INPUT", "--repair can't be used with --data: data outside a datastore is only read", {
      hint: "if the data has the dataset's name, use -o with the folder that contains it",
    })
  }
  if (flags.overwrite && !flags.repair) {
    throw new AtError("AT_INVALID_INPUT", "--overwrite has no effect without --repair: verify alone changes nothing", {
      hint: "add --repair, or leave out --overwrite",
    })
  }
  if (flags.wait && !flags.repair) {
    throw new AtError("AT_INVALID_INPUT", "--wait has no effect without --repair: verify alone waits for nobody", {
      hint: "add --repair, or leave out --wait",
    })
  }
  checkPlace(flags)
  await using dataset = await Dataset.open(target, {
    ...toOptions(flags, console, signal),
    data: flags.data,
    overwrite: flags.overwrite,
    wait: flags.wait,
    // One object is promised, not lines.
    ...(console.json ? { onProgress: undefined } : {}),
  })
  sayIdleGlobs(flags, dataset, console)
  const report = await dataset.verify()
  const repaired = !report.complete && flags.repair === true
  if (repaired) {
    for (const line of complaints(report)) console.say(line)
    await thenStats(flags.stats, { console, dataset }, () => dataset.download())
  }
  await dataset.close()
  if (console.json) {
    console.emit({ ...report, path: dataset.path, repaired })
    if (!report.complete && !repaired) process.exitCode = 5
    return
  }
  if (report.complete || repaired) {
    console.say(repaired ? "repaired, and verified" : `all ${formatSize(report.checkedBytes)} verified`)
    console.result(dataset.path)
    return
  }
  for (const line of complaints(report)) console.result(line)
  throw new AtError("AT_CORRUPT", `${dataset.path} does not verify`, { hint: hintFor(report, flags) })
}

/** What is there may be all that was wanted. */
function hintFor({ files }: VerifyReport, { include, exclude, data }: VerifyFlags): string {
  const missing = files.filter(({ state }) => state === "missing").length
  const isPart = missing < files.length && files.every(({ state }) => ["ok", "missing", "uncertain"].includes(state))
  if (isPart && include === undefined && exclude === undefined) {
    return `${missing} of ${files.length} files are missing: if you wanted only some, use the same --include and --exclude as for get; --repair downloads all`
  }
  if (data !== undefined && missing === files.length) {
    return "check that --data is the dataset's file or folder itself, not the folder that contains it"
  }
  const remedy = remedyFor(files, data)
  // A publisher's own later version must not be lost by it.
  const mayBeNewer = files.some(({ state }) => state === "wrong-size" || state === "damaged")
  return mayBeNewer
    ? `if you changed files yourself, keep them, and make a new .torrent with: academictorrents create; if not, ${remedy}`
    : remedy
}

function remedyFor(files: readonly FileReport[], data: string | undefined): string {
  if (data !== undefined) return "download it into a datastore with: academictorrents get TARGET"
  if (files.some(({ length, actualLength }) => (actualLength ?? 0) > length)) {
    return "download what is missing or wrong, and cut off bytes that are not the dataset's, with: academictorrents verify TARGET --repair --overwrite"
  }
  return "download just what is missing or wrong with: academictorrents verify TARGET --repair"
}

/** A line for each file that is not as it should be; of many that are just missing, for the first. */
function complaints({ files }: VerifyReport): string[] {
  const lines: string[] = []
  let missing = 0
  for (const file of files) {
    if (file.state === "ok" || (isAbsent(file) && ++missing > MAX_MISSING)) continue
    lines.push(`${escapeForTerminal(file.path)}: ${complaint(file)}`)
  }
  if (missing > MAX_MISSING) lines.push(`and ${missing - MAX_MISSING} more: missing (--json lists all)`)
  return lines
}

/** Nothing stands in its place. */
function isAbsent({ state, obstacle }: FileReport): boolean {
  return state === "missing" && obstacle === undefined
}

function complaint(file: FileReport): string {
  const bad = file.badPieces.reduce((sum, range) => sum + range.count, 0)
  switch (file.state) {
    case "ok":
      return "ok"
    case "missing":
      return file.obstacle === undefined ? "missing" : `missing: ${escapeForTerminal(file.obstacle)}`
    case "unfinished":
      return `unfinished: ${bad === 1 ? "1 piece is" : `${bad} pieces are`} missing`
    case "wrong-size":
      return `${file.actualLength ?? 0} bytes long instead of ${file.length}`
    case "damaged":
      return `damaged: ${bad === 1 ? "1 piece is" : `${bad} pieces are`} wrong`
    case "uncertain":
      return "can't be verified without its neighbouring files"
  }
}
