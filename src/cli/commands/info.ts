import type { Command } from "commander"
import { toHex } from "../../bytes/hex.js"
import { escapeForTerminal } from "../../bytes/text.js"
import { redactUrl } from "../../bytes/url.js"
import { count, formatSize } from "../../bytes/words.js"
import { Dataset } from "../../dataset/dataset.js"
import type { DatasetFile } from "../../dataset/dataset-file.js"
import type { SwarmSize } from "../../dataset/swarm-size.js"
import { understand } from "../../dataset/understand.js"
import type { WebSeedState } from "../../dataset/web-seed-states.js"
import { addChoice, addSources, addVerbosity, type CommonFlags, toOptions } from "../common-options.js"
import { sayIdleGlobs } from "../idle-globs.js"
import type { CommandContext, Farewell, Run } from "../run.js"

/** Files listed for people; `--files` and `--json` list all. */
const MAX_FILES = 20

const FAREWELL: Farewell = { stopping: "stopping", stopped: "stopped" }

interface InfoFlags extends CommonFlags {
  files?: boolean
  scrape?: boolean
}

/** What `get` would fetch. */
interface Choice {
  readonly files: readonly DatasetFile[]
  readonly length: number
}

export function addInfo(program: Command, run: Run): void {
  const command = program
    .command("info")
    .argument("<target>", "infohash, magnet link, .torrent (path or URL), or details page")
    .description("show what a dataset is and who has it: files, sizes, pieces, trackers, web seeds")
    .option("-o, --datastore <dir>", "where a copy of the metadata may be")
    .option("--files", "list all files")
    .option("--scrape", "ask the service, trackers, and web seeds (for a byte) also with --json")
  addVerbosity(addSources(addChoice(command))).action((target: string, flags: InfoFlags) =>
    run(flags, FAREWELL, (context) => info(target, flags, context)),
  )
}

async function info(target: string, flags: InfoFlags, { console, signal }: CommandContext): Promise<void> {
  const asks = !console.json || flags.scrape === true
  // One object is promised with --json, not lines.
  const options = { ...toOptions(flags, console, signal), ...(console.json ? { onProgress: undefined } : {}) }
  await using dataset = await Dataset.openFor(understand(target, options), { newest: asks })
  const choice = choiceOf(dataset, flags)
  sayIdleGlobs(flags, dataset, console)
  const [swarm, webSeeds] = await Promise.all([
    asks && flags.tracker !== false ? dataset.swarmSizes() : [],
    asks ? dataset.webSeedStates() : [],
  ])
  if (!console.json) {
    console.result(asText(dataset, choice, { swarm, webSeeds, urls: flags.url ?? [] }, flags.files === true))
    return
  }
  console.emit({
    ...asJson(dataset),
    ...(choice === undefined ? {} : { chosen: choiceAsJson(dataset, choice) }),
    ...(flags.scrape ? { swarm: swarm.map(sizeAsJson), webSeedStates: webSeeds.map(stateAsJson) } : {}),
  })
}

/** Undefined when neither options nor a magnet link choose among the files. @throws AtError as `get` when none is chosen */
function choiceOf(dataset: Dataset, { include, exclude }: InfoFlags): Choice | undefined {
  const files = dataset.chosenFiles
  if (include === undefined && exclude === undefined && files.length === dataset.files.length) return undefined
  return { files, length: dataset.chosenLength }
}

function asJson(dataset: Dataset): object {
  const { metainfo, name, infoHash, length, files } = dataset
  return {
    name,
    kind: metainfo.kind,
    infoHash: metainfo.version === "v2" ? null : infoHash,
    infoHashV2: metainfo.infoHashV2 === null ? null : toHex(metainfo.infoHashV2),
    length,
    pieceLength: metainfo.layout.pieceLength,
    pieceCount: metainfo.layout.pieceCount,
    private: metainfo.private,
    files: filesAsJson(dataset, files),
    // What a program reads is kept in logs, too.
    trackers: metainfo.trackers.map((tier) => tier.map(redactUrl)),
    webSeeds: metainfo.webSeeds.map(redactUrl),
    comment: metainfo.comment,
    createdBy: metainfo.createdBy,
    creationDate: metainfo.creationDate,
  }
}

function choiceAsJson(dataset: Dataset, { files, length }: Choice): object {
  return { length, files: filesAsJson(dataset, files) }
}

function filesAsJson({ metainfo }: Dataset, files: readonly DatasetFile[]): object[] {
  return files.map(({ path, length, piecesRoot }) => ({
    path,
    length,
    ...(metainfo.version === "v1" ? {} : { piecesRoot }),
  }))
}

function sizeAsJson({ kind: _, tracker, ...size }: SwarmSize): object {
  return { tracker: redactUrl(tracker), ...size }
}

function stateAsJson({ kind: _, url, ...state }: WebSeedState): object {
  return { url: redactUrl(url), ...state }
}

/** Who may have it, and what they answered. */
interface Holders {
  readonly swarm: readonly SwarmSize[]
  readonly webSeeds: readonly WebSeedState[]
  /** Web seeds that the user named. */
  readonly urls: readonly string[]
}

function asText(dataset: Dataset, choice: Choice | undefined, holders: Holders, allFiles: boolean): string {
  const { metainfo } = dataset
  const { files, length } = choice ?? dataset
  const all = count(dataset.files.length, "file")
  const number = choice === undefined ? all : `${files.length} of ${all}`
  const { pieceCount, pieceLength } = metainfo.layout
  const rows: [string, string][] = [
    ["name", dataset.name],
    ["infohash", dataset.infoHash],
    ...(metainfo.version === "hybrid" ? [["v2 infohash", toHex(metainfo.infoHashV2!)] as [string, string]] : []),
    ["size", `${formatSize(dataset.length)} (${dataset.length} bytes)`],
    ...(choice === undefined
      ? []
      : [["chosen", `${formatSize(length)} (${length} bytes), ${number}`] as [string, string]]),
    ["pieces", `${pieceCount} of ${formatSize(pieceLength)}`],
  ]
  if (metainfo.private) rows.push(["private", "yes: peers come only from its trackers"])
  if (metainfo.comment !== null) rows.push(["comment", metainfo.comment])
  if (metainfo.createdBy !== null) rows.push(["created by", metainfo.createdBy])
  if (metainfo.creationDate !== null) {
    rows.push(["created", new Date(metainfo.creationDate * 1000).toISOString().slice(0, 10)])
  }
  const answers = new Map(holders.swarm.map((size) => [size.tracker, size]))
  metainfo.trackers.forEach((tier, index) => {
    for (const url of tier)
      rows.push([index === 0 ? "tracker" : `tracker, tier ${index + 1}`, trackerLine(url, answers.get(url))])
  })
  const states = new Map(holders.webSeeds.map((state) => [state.url, state]))
  const webSeeds = new Set([...holders.urls, ...metainfo.webSeeds])
  for (const url of webSeeds) rows.push(["web seed", webSeedLine(url, states.get(url))])
  if (webSeeds.size === 0) rows.push(["web seed", "none"])
  const width = Math.max(...rows.map(([label]) => label.length))
  const lines = rows.map(([label, value]) => `${label.padEnd(width)}  ${escapeForTerminal(value)}`)
  if (metainfo.kind === "folder") {
    lines.push("", `${number}:`)
    const shown = allFiles ? files : files.slice(0, MAX_FILES)
    for (const file of shown) lines.push(`${formatSize(file.length).padStart(10)}  ${escapeForTerminal(file.path)}`)
    if (shown.length < files.length)
      lines.push(`            and ${files.length - shown.length} more (--files lists all)`)
  }
  return lines.join("\n")
}

function trackerLine(url: string, answer: SwarmSize | undefined): string {
  const shown = redactUrl(url)
  if (answer === undefined) return shown
  if (answer.kind === "failed") return `${shown}: ${answer.message}`
  const downloads = answer.downloads === null ? "" : `, ${answer.downloads} downloads so far`
  return `${shown}: ${answer.seeds ?? "?"} have all of it, ${answer.leechers ?? "?"} are downloading${downloads}`
}

function webSeedLine(url: string, state: WebSeedState | undefined): string {
  const shown = redactUrl(url)
  if (state === undefined) return shown
  if (state.kind === "failed") return `${shown}: ${state.message}`
  return `${shown}: has ${state.file}${state.ranges ? "" : ", but sends only whole files"}`
}
