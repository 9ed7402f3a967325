import type { Command } from "commander"
import { count } from "../../bytes/words.js"
import { Dataset } from "../../dataset/dataset.js"
import { addPlace, addSources, addVerbosity, type CommonFlags, checkPlace, toOptions, WAIT } from "../common-options.js"
import type { Console } from "../console.js"
import type { CommandContext, Farewell, Run } from "../run.js"
import { sayWhoIsServed } from "../say-who-is-served.js"
import { thenStats } from "../then-stats.js"

const FAREWELL: Farewell = { stopping: "stopping", stopped: "stopped sharing" }

interface SeedFlags extends CommonFlags {
  data?: string
  superSeed?: boolean
  wait?: boolean
}

export function addSeed(program: Command, run: Run): void {
  const command = program
    .command("seed")
    .argument("<target>", "infohash, magnet link, .torrent (path or URL), or details page")
    .description("share what is on disk, until stopped")
    .option("--data <path>", "the dataset's file or folder itself, wherever it is; it is only read")
    .option("--super-seed", "as the first seed: show each peer one piece at a time, until another has everything")
    .option("--wait", WAIT)
  addVerbosity(addSources(addPlace(command))).action((target: string, flags: SeedFlags) =>
    run(flags, FAREWELL, (context) => seed(target, flags, context)),
  )
}

async function seed(target: string, flags: SeedFlags, { console, signal }: CommandContext): Promise<void> {
  checkPlace(flags)
  await using dataset = await Dataset.open(target, {
    ...toOptions(flags, console, signal),
    superSeed: flags.superSeed,
    data: flags.data,
    wait: flags.wait,
  })
  await dataset.seed()
  const port = dataset.port === undefined ? "" : ` at port ${dataset.port}`
  console.say(`sharing ${dataset.path}${port} until stopped`)
  sayWhoIsServed(dataset, console)
  if (console.json) console.emit({ type: "seeding", path: dataset.path, port: dataset.port ?? null })
  await sayHowMuch(dataset, console)
  await thenStats(flags.stats, { console, dataset }, () => dataset.giveUntil({ signal }))
}

/** Who shares data of his own wants others to get all of it. */
async function sayHowMuch(dataset: Dataset, console: Console): Promise<void> {
  const reports = dataset.progress()
  const { value: now } = await reports.next()
  await reports.return?.()
  const { pieceCount } = dataset.metainfo.layout
  if (now === undefined || now.donePieces === pieceCount) return
  console.say(
    `only ${now.donePieces} of ${count(pieceCount, "piece")} are there: see what is missing or wrong with: academictorrents verify`,
  )
}
