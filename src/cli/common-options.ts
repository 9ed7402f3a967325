import type { Command } from "commander"
import { parseIp } from "../bytes/ip.js"
import { checkUrl } from "../dataset/check-options.js"
import type { Options } from "../dataset/options.js"
import { AtError } from "../errors.js"
import type { Console, Verbosity } from "./console.js"
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

/** What a command says, and how much. */
export function addVerbosity(command: Command): Command {
  return command
    .option("--json", "JSON on standard output")
    .option("-q, --quiet", "no talk, no progress")
    .option("-v, --verbose", "logs on standard error; twice for all of them", (_, before: number) => before + 1, 0)
}

/** Where the data is and which files are meant. */
export function addPlace(command: Command): Command {
  return addChoice(
    command.option(
      "-o, --datastore <dir>",
      "where data goes: DIR/NAME (default: AT_DATASTORE, or ~/.academictorrents-datastore)",
    ),
  )
}

/** Which files are meant. */
export function addChoice(command: Command): Command {
  return command
    .option("--include <glob>", "only these files; may be repeated", collect)
    .option("--exclude <glob>", "but not these; may be repeated", collect)
}

/** Whom to talk to. */
export function addSources(command: Command): Command {
  return command
    .option("--url <url>", "one more web seed; may be repeated", collect)
    .option("--peer <host:port>", "one more peer; may be repeated", collect)
    .option("--port <n>", "listening port; 0 picks one (default: 6881 to 6889, or any free one)")
    .option("--no-tracker", "ask no tracker")
    .option("--no-webseed", "use no web seed but those of --url")
    .option("--map-port", "ask the router (NAT-PMP, UPnP) to let peers in from outside")
    .option("--router <address>", "the same of the router at this IPv4 address, if it can't be found")
    .option("--no-utp", "connect to peers by TCP alone")
    .option("--no-dht", "leave the DHT out")
    .option("--no-lsd", "look for no peers in the local network")
    .option("--no-pex", "no exchange of addresses with peers")
    .option("--encryption <how>", "of peers' connections: allow, prefer, require or off (default: allow)")
    .option("--max-download <rate>", "at most so many bytes a second: 10M is 10 MiB/s")
    .option("--max-upload <rate>", "the same for what is given")
    .option("--max-connections <n>", "peers at a time (default: 80)")
    .option("--timeout <t>", "give up when nothing arrives for so long: 30s, 10m (default: wait, and say why)")
    .option("--offline", "touch no network")
    .option("--stats", "say at the end where the time went")
}

/** The library's options for a command's flags. @throws AtError `AT_INVALID_INPUT` */
export function toOptions(flags: CommonFlags, console: Console, signal: AbortSignal): Options {
  const { log } = console
  for (const url of flags.url ?? []) checkUrl("--url", url)
  return {
    signal,
    onProgress: (progress) => console.progress(progress),
    datastore: flags.datastore,
    include: flags.include,
    exclude: flags.exclude,
    urls: flags.url,
    peers: flags.peer,
    ...(log === undefined ? {} : { log }),
    ...(flags.port === undefined ? {} : { port: parsePort(flags.port) }),
    ...(flags.tracker === false ? { trackers: false } : {}),
    ...(flags.pex === false ? { pex: false } : {}),
    ...(flags.webseed === false ? { webSeeds: false } : {}),
    ...(flags.mapPort ? { mapPort: true } : {}),
    ...(flags.router === undefined ? {} : { mapPort: parseRouter(flags.router) }),
    ...(flags.utp === false ? { utp: false } : {}),
    ...(flags.dht === false ? { dht: false } : {}),
    ...(flags.lsd === false ? { lsd: false } : {}),
    ...(flags.maxDownload === undefined ? {} : { maxDownload: parseSize("--max-download", flags.maxDownload) }),
    ...(flags.maxUpload === undefined ? {} : { maxUpload: parseSize("--max-upload", flags.maxUpload) }),
    ...(flags.encryption === undefined ? {} : { encryption: parseEncryption(flags.encryption) }),
    ...(flags.maxConnections === undefined ? {} : { maxConnections: parseCount(flags.maxConnections) }),
    ...(flags.timeout === undefined ? {} : { timeout: parseDuration("--timeout", flags.timeout) }),
    ...(flags.offline ? { offline: true } : {}),
  }
}

/** @throws AtError `AT_INVALID_INPUT` when both say where the data is, or `--data` says nothing */
export function checkPlace({ data, datastore }: { data?: string; datastore?: string }): void {
  if (data === "") {
    throw new AtError("AT_INVALID_INPUT", "--data names no place", {
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

function parseEncryption(text: string): NonNullable<Options["encryption"]> {
  switch (text) {
    case "allow":
    case "prefer":
    case "require":
    case "off":
      return text
    default:
      throw new AtError("AT_INVALID_INPUT", `--encryption: "${text}" is no way to encrypt`, {
        hint: "write allow, prefer, require or off",
      })
  }
}

function parseRouter(router: string): string {
  if (parseIp(router)?.length === 4) return router
  throw new AtError("AT_INVALID_INPUT", `--router: "${router}" is not the IPv4 address of a router`, {
    hint: "write an address like 192.168.1.1, or --map-port alone: the router is looked for then",
  })
}

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d{1,9}$/.test(text) && count > 0) return count
  throw new AtError("AT_INVALID_INPUT", `--max-connections: "${text}" is not a number of connections`, {
    hint: "write a whole number above 0",
  })
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65535) return port
  throw new AtError("AT_INVALID_INPUT", `--port: "${text}" is not a port`, {
    hint: "write a number from 0 to 65535; 0 picks one",
  })
}
