import type { Command } from "commander"
import { formatSize } from "../../bytes/words.js"
import { alreadyThere } from "../../dataset/already-there.js"
import { Dataset } from "../../dataset/dataset.js"
import type { Options } from "../../dataset/options.js"
import { understand } from "../../dataset/understand.js"
import { AtError } from "../../errors.js"
import { nodeClock } from "../../node/clock.js"
import { addPlace, addSources, addVerbosity, type CommonFlags, given, toOptions, WAIT } from "../common-options.js"
import type { Console } from "../console.js"
import { getSummary } from "../get-summary.js"
import { sayIdleGlobs } from "../idle-globs.js"
import { type CommandContext, GOES_ON, type Run } from "../run.js"
import { sayWhoIsServed } from "../say-who-is-served.js"
import { thenStats } from "../then-stats.js"
import { formatDuration, parseDuration } from "../units.js"

interface GetFlags extends CommonFlags {
  seed?: boolean
  seedRatio?: string
  seedTime?: string
  verify?: boolean
  sync?: boolean
  wait?: boolean
  overwrite?: boolean
}

/** When to stop giving: times the dataset's size, and ms. */
interface SeedLimits {
  readonly ratio: number | undefined
  readonly time: number | undefined
}

/** `academictorrents get`. */
export function addGet(program: Command, run: Run): void {
  defineGet(program.command("get"), run)
}

/** Makes a command that gets: `academictorrents get`, or the whole of `at-get`. */
export function defineGet(command: Command, run: Run): void {
  command
    .argument("<target>", "infohash, magnet link, .torrent (path or URL), or details page")
    .description("download a dataset, or verify what is there; prints its path")
    .option("--seed", "keep sharing when complete, until stopped")
    .option("--seed-ratio <r>", "with --seed: until the upload is this many times the dataset's size")
    .option("--seed-time <t>", "with --seed: for this long: 30m, 2h")
    .option("--verify", "check every byte on disk instead of trusting the journal")
    .option("--wait", WAIT)
    .option("--sync", "return only when everything is safely on the disk")
    .option(
      "--overwrite",
      "replace files that are in the way and not part of the dataset; cut off bytes that files have beyond the dataset's",
    )
  addVerbosity(addSources(addPlace(command))).action((target: string, flags: GetFlags) =>
    run(flags, GOES_ON, (context) => get(target, flags, context)),
  )
}

/** How long a dataset is given, in words. */
function howLong({ ratio, time }: SeedLimits): string {
  const ends: string[] = []
  if (time !== undefined) ends.push(`for ${formatDuration(time / 1000)}`)
  if (ratio !== undefined) ends.push(`until ${ratio} times its size was uploaded`)
  return ends.length === 0 ? "until stopped" : ends.join(", or ")
}

async function get(target: string, flags: GetFlags, { console, signal, onFetched }: CommandContext): Promise<void> {
  const limits = seedLimits(flags)
  const started = nodeClock.now()
  const options: Options = {
    ...toOptions(flags, console, signal),
    verify: flags.verify ? "always" : "auto",
    sync: flags.sync,
    wait: flags.wait,
    overwrite: flags.overwrite,
    seed: flags.seed,
  }
  // Only an open dataset has statistics.
  const asked = understand(target, options)
  const found = flags.stats ? undefined : await alreadyThere(asked)
  if (found !== undefined) {
    console.say(nothingToFetch(found.length))
    deliver(console, found.path)
    return
  }
  await using dataset = await Dataset.openFor(asked)
  sayIdleGlobs(flags, dataset, console)
  const path = await thenStats(flags.stats, { console, dataset }, async () => {
    const there = await dataset.download()
    const fetched = dataset.fetchedBytes
    console.say(
      fetched === 0
        ? nothingToFetch(dataset.chosenLength)
        : getSummary(dataset.stats, (nodeClock.now() - started) / 1000),
    )
    if (flags.seed) {
      console.say(`sharing ${there} ${howLong(limits)}`)
      sayWhoIsServed(dataset, console)
      // Who stops it has got what was asked for.
      if (console.json) console.emit({ type: "seeding", path: there, port: dataset.port ?? null })
      else console.result(there)
      await dataset.giveUntil({ ...limits, signal })
    }
    await dataset.close()
    if (fetched > 0) onFetched()
    return there
  })
  if (console.json || !flags.seed) deliver(console, path)
}

function deliver(console: Console, path: string): void {
  if (console.json) console.emit({ type: "done", path })
  else console.result(path)
}

function nothingToFetch(length: number): string {
  return `${formatSize(length)} were on disk already and are verified`
}

function seedLimits({ seed, seedRatio, seedTime }: GetFlags): SeedLimits {
  const limit = seedRatio === undefined ? "--seed-time" : "--seed-ratio"
  if (!seed && (seedRatio !== undefined || seedTime !== undefined)) {
    throw new AtError("AT_INVALID_INPUT", `${limit} says when sharing ends, but nothing is shared without --seed`, {
      hint: `add --seed, or leave out ${limit}`,
    })
  }
  const ratio = given(seedRatio, Number)
  if (ratio !== undefined && !(ratio > 0)) {
    throw new AtError("AT_INVALID_INPUT", `--seed-ratio: "${seedRatio}" is not a ratio`, {
      hint: "write a number above 0, like 1.5",
    })
  }
  return { ratio, time: given(seedTime, (text) => parseDuration("--seed-time", text)) }
}
