import type { Command } from "commander"
import { escapeForTerminal } from "../../bytes/text.js"
import { count, formatSize } from "../../bytes/words.js"
import { checkUrl, TRACKERS } from "../../dataset/check-options.js"
import { create } from "../../dataset/create.js"
import { AtError } from "../../errors.js"
import { addVerbosity, collect, given } from "../common-options.js"
import type { Verbosity } from "../console.js"
import type { CommandContext, Farewell, Run } from "../run.js"
import { parseSize } from "../units.js"

/** What was read is not kept. */
const FAREWELL: Farewell = { stopping: "stopping", stopped: "stopped; no .torrent file was written" }

interface CreateFlags extends Verbosity {
  output: string
  tracker?: string[]
  url?: string[]
  pieceLength?: string
  v1?: boolean
  v2?: boolean
  hybrid?: boolean
  private?: boolean
  comment?: string
  overwrite?: boolean
}

export function addCreate(program: Command, run: Run): void {
  const command = program
    .command("create")
    .argument("<path>", "the file or folder to share")
    .requiredOption("-o, --output <file>", "the .torrent file to write")
    .option("--tracker <url>", "a tracker; may be repeated, each is its own tier", collect)
    .option("--url <url>", "a web seed; may be repeated", collect)
    .option(
      "--piece-length <size>",
      "a power of two from 16K to 256M (default: chosen to make about 1,000 to 2,000 pieces)",
    )
    .option("--v1", "a v1 torrent (the default)")
    .option("--v2", "a v2 torrent: SHA-256, and a hash for each file; not all clients can read it")
    .option("--hybrid", "v1 and v2 in one torrent")
    .option("--private", "peers come only from its trackers")
    .option("--comment <text>", "a comment, stored in the .torrent file")
    .option("--overwrite", "replace the .torrent file if it exists")
    .description("make a .torrent file")
  addVerbosity(command).action((path: string, flags: CreateFlags) =>
    run(flags, FAREWELL, (context) => createFile(path, flags, context)),
  )
}

async function createFile(path: string, flags: CreateFlags, { console, signal }: CommandContext): Promise<void> {
  if (flags.output === "") {
    throw new AtError("AT_INVALID_INPUT", "--output is empty", {
      hint: "give -o the path of the .torrent file to write",
    })
  }
  for (const url of flags.tracker ?? []) checkUrl("--tracker", url, TRACKERS)
  for (const url of flags.url ?? []) checkUrl("--url", url)
  const created = await create(path, {
    output: flags.output,
    trackers: (flags.tracker ?? []).map((url) => [url]),
    urls: flags.url ?? [],
    private: flags.private ?? false,
    version: versionOf(flags),
    comment: flags.comment,
    overwrite: flags.overwrite,
    pieceLength: given(flags.pieceLength, (text) => parseSize("--piece-length", text)),
    signal,
    // One object is promised with --json, not lines.
    onProgress: console.json ? undefined : (progress) => console.progress(progress),
  })
  for (const path of created.skipped)
    console.say(
      `left out (a link, a special file, a name that is not UTF-8, or our own records): ${escapeForTerminal(path)}`,
    )
  const [renamed] = created.renamed
  if (renamed !== undefined) {
    const [from, to] = [renamed.path, renamed.savedAs].map(escapeForTerminal)
    const files = count(created.renamed.length, "file")
    console.say(
      `${files} will have other names where they are downloaded, as some systems can't have these: ${from} becomes ${to}`,
    )
  }
  console.say(
    `${count(created.pieceCount, "piece")} of ${formatSize(created.pieceLength)}, infohash ${created.infoHash}`,
  )
  if (console.json) console.emit(created)
  else console.result(created.path)
}

function versionOf({ v1 = false, v2 = false, hybrid = false }: CreateFlags): "v1" | "v2" | "hybrid" {
  if (Number(v1) + Number(v2) + Number(hybrid) > 1) {
    throw new AtError("AT_INVALID_INPUT", "only one of --v1, --v2 and --hybrid can be used", {
      hint: "keep one of them",
    })
  }
  return v2 ? "v2" : hybrid ? "hybrid" : "v1"
}
