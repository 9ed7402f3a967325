import type { Command } from "commander"
import { checkUrl } from "../dataset/check-options.js"
import type { Options } from "../dataset/options.js"
import { AtError } from "../errors.js"
import type { Console, Verbosity } from "./console.js"
import { parseCount, parseEncryption, parsePort, parseRouter } from "./flag-values.js"
import { parseDuration, parseSize } from "./units.js"

/** The options of all commands that take a target, as commander gives them. */
export interface CommonFlags extends Verbosity {
  datastore?: string
  include?: string[]
  exclude?: string[]
  url?: string[]
  peer?: string[]
  port?: string
  tracker?: boolean
  webseed?: boolean
  pex?: boolean
  utp?: boolean
  mapPort?: boolean
  router?: string
  dht?: boolean
  lsd?: boolean
  maxDownload?: string
  maxUpload?: string
  encryption?: string
  maxConnections?: string
  timeout?: string
  offline?: boolean
  stats?: boolean
}

/** What `--wait` does, for the help. */
export const WAIT =
  "while another process is at work on the dataset, wait for it (--timeout says how long) instead of failing"

/** Headings of the help, under which options stand together. */
const FILES = "Files:"
const OUTPUT = "Output:"

/** What a command says, and how much. */
export function addVerbosity(command: Command): Command {
  return command
    .optionsGroup(OUTPUT)
    .option("--json", "JSON on standard output")
    .option("-q, --quiet", "no messages, no progress")
    .option("-v, --verbose", "log on standard error; given twice: log more", (_, before: number) => before + 1, 0)
}

/** Where the data is and which files are meant. */
export function addPlace(command: Command): Command {
  return addChoice(
    command
      .optionsGroup(FILES)
      .option(
        "-o, --datastore <dir>",
        "where data is stored: DIR/NAME (default: AT_DATASTORE, or ~/.academictorrents-datastore)",
      ),
  )
}

/** Which files are meant. */
export function addChoice(command: Command): Command {
  return command
    .optionsGroup(FILES)
    .option("--include <glob>", "only these files or folders; may be repeated", collect)
    .option("--exclude <glob>", "but not these; may be repeated", collect)
}

/** Whom to talk to, how, and how much. */
export function addSources(command: Command): Command {
  return command
    .optionsGroup("Sources:")
    .option("--url <url>", "one more web seed; may be repeated", collect)
    .option("--peer <host:port>", "one more peer; may be repeated", collect)
    .option("--no-tracker", "do not use trackers")
    .option("--no-webseed", "do not use web seeds, except those given by --url")
    .option("--no-dht", "do not use the DHT")
    .option("--no-lsd", "do not look for peers in the local network")
    .option("--no-pex", "do not exchange addresses with peers")
    .optionsGroup("Network:")
    .option("--offline", "do not use the network")
    .option("--port <n>", "the port to listen at; 0: any free one (default: one of 6881 to 6889, or any free one)")
    .option("--map-port", "ask the router (NAT-PMP, UPnP) to let peers in from outside")
    .option("--router <address>", "the same, with the IPv4 address of a router that is not found by itself")
    .option("--no-utp", "connect to peers by TCP only")
    .option("--encryption <how>", "encrypt connections to peers: allow, prefer, require or off (default: allow)")
    .optionsGroup("Limits:")
    .option("--max-download <rate>", "at most this many bytes per second: 10M is 10 MiB/s")
    .option("--max-upload <rate>", "the same for uploads")
    .option("--max-connections <n>", "at most this many peers at the same time (default: 80)")
    .option("--timeout <t>", "give up when nothing arrives for this long: 30s, 10m (default: wait, and say why)")
    .optionsGroup(OUTPUT)
    .option("--stats", "show at the end where the time went")
}

/** The library's options for a command's flags. @throws AtError `AT_INVALID_INPUT` */
export function toOptions(flags: CommonFlags, console: Console, signal: AbortSignal): Options {
  // In a script it is a variable that was not set, and not the default that the library takes it for.
  if (flags.datastore === "") {
    throw new AtError("AT_INVALID_INPUT", "--datastore is empty", {
      hint: "give -o the folder where data is stored, or leave it out",
    })
  }
  for (const url of flags.url ?? []) checkUrl("--url", url)
  return {
    signal,
    onProgress: (progress) => console.progress(progress),
    log: console.log,
    datastore: flags.datastore,
    include: flags.include,
    exclude: flags.exclude,
    urls: flags.url,
    peers: flags.peer,
    trackers: flags.tracker,
    webSeeds: flags.webseed,
    pex: flags.pex,
    dht: flags.dht,
    // Without the flag AT_NO_LSD decides.
    lsd: flags.lsd === false ? false : undefined,
    offline: flags.offline,
    port: given(flags.port, parsePort),
    mapPort: given(flags.router, parseRouter) ?? flags.mapPort,
    utp: flags.utp,
    encryption: given(flags.encryption, parseEncryption),
    maxDownload: given(flags.maxDownload, (text) => parseSize("--max-download", text)),
    maxUpload: given(flags.maxUpload, (text) => parseSize("--max-upload", text)),
    maxConnections: given(flags.maxConnections, parseCount),
    timeout: given(flags.timeout, (text) => parseDuration("--timeout", text)),
  }
}

/** What a flag's text means, if there is one. */
export function given<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text)
}

/** @throws AtError `AT_INVALID_INPUT` when both say where the data is, or `--data` says nothing */
export function checkPlace({ data, datastore }: { data?: string; datastore?: string }): void {
  if (data === "") {
    throw new AtError("AT_INVALID_INPUT", "--data is empty", {
      hint: "give --data the path of the dataset's file or folder",
    })
  }
  if (data === undefined || datastore === undefined) return
  throw new AtError("AT_INVALID_INPUT", "--data and --datastore both say where the data is", {
    hint: "give --data for the file or folder itself, or -o for the folder that holds it",
  })
}

/** Gathers an option that may be repeated. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value]
}
