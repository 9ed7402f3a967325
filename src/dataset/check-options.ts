import { parseIp } from "../bytes/ip.js"
import { redactUrl } from "../bytes/url.js"
import { AtError } from "../errors.js"
import type { LimitOptions } from "../session/limits.js"
import type { CallOptions, StreamOptions } from "./call-options.js"
import type { CreateOptions } from "./create-options.js"
import type { GiveLimits } from "./give-until.js"
import type { Options } from "./options.js"
import type { FileChoice } from "./selection.js"

/** Throws when an option has not the value it must have. */
type Check = (value: unknown, option: string) => void

const WEB = ["http:", "https:"]
const ENCRYPTION: readonly unknown[] = ["allow", "prefer", "require", "off"] satisfies Options["encryption"][]
/** How the URL of a tracker may begin. */
export const TRACKERS = ["http:", "https:", "udp:"]

// A signal by itself would never be looked at.
const object = must(
  "an object, with options by their names",
  (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof AbortSignal),
)
const text = must("a string", isString)
const path = must("a path", (value) => isString(value) && value !== "")
const flag = must("true or false", (value) => typeof value === "boolean")
const callback = must("a function", (value) => typeof value === "function")
const positive = must("a number above 0", (value) => isNumber(value) && value > 0)
const amount = must("a number, 0 or more", (value) => isNumber(value) && value >= 0)
const count = must("a whole number above 0", (value) => isNumber(value) && Number.isInteger(value) && value > 0)
const place = must("a whole number of bytes, 0 or more", (value) => Number.isSafeInteger(value) && Number(value) >= 0)
const texts = must("an array of strings", isStrings)
const signal = must("an AbortSignal", (value) => has(value, "aborted") && has(value, "addEventListener"))

const urls: Check = (value, option) => {
  texts(value, option)
  for (const url of value as readonly string[]) checkUrl(option, url)
}

const OPTIONS: Readonly<Record<keyof Options, Check>> = {
  datastore: text,
  data: path,
  include: texts,
  exclude: texts,
  urls,
  peers: texts,
  verify: must('"auto" or "always"', (value) => value === "auto" || value === "always"),
  signal,
  onProgress: callback,
  maxDownload: positive,
  maxUpload: positive,
  encryption: must('"allow", "prefer", "require" or "off"', (value) => ENCRYPTION.includes(value)),
  maxConnections: count,
  offline: flag,
  seed: flag,
  superSeed: flag,
  port: must(
    "a whole number from 0 to 65535",
    (value) => isNumber(value) && Number.isInteger(value) && value >= 0 && value <= 65535,
  ),
  utp: flag,
  mapPort: must(
    "true, false or the router's IPv4 address",
    (value) => typeof value === "boolean" || (typeof value === "string" && parseIp(value)?.length === 4),
  ),
  trackers: flag,
  webSeeds: flag,
  pex: flag,
  dht: flag,
  lsd: flag,
  dhtBootstrap: texts,
  timeout: positive,
  wait: flag,
  sync: flag,
  overwrite: flag,
  site: (value, option) => {
    text(value, option)
    checkUrl(option, value as string)
  },
  log: must("an object with a method log", (value) => has(value, "log") && typeof value.log === "function"),
}

const CALL_OPTIONS: Readonly<Record<keyof CallOptions, Check>> = { signal }

const CHOICE: Readonly<Record<keyof (FileChoice & CallOptions), Check>> = { include: texts, exclude: texts, signal }

const STREAM_OPTIONS: Readonly<Record<keyof StreamOptions, Check>> = { signal, start: place, end: place }

const LIMITS: Readonly<Record<keyof LimitOptions, Check>> = {
  maxDownload: positive,
  maxUpload: positive,
  maxConnections: count,
}

const GIVE_LIMITS: Readonly<Record<keyof GiveLimits, Check>> = { ratio: amount, time: amount, signal }

const CREATE_OPTIONS: Readonly<Record<keyof CreateOptions, Check>> = {
  output: path,
  trackers: (value, option) => {
    must("an array of arrays of strings", (tiers) => Array.isArray(tiers) && tiers.every(isStrings))(value, option)
    for (const url of (value as readonly string[][]).flat()) checkUrl(option, url, TRACKERS)
  },
  urls,
  pieceLength: positive,
  version: must('"v1", "v2" or "hybrid"', (value) => value === "v1" || value === "v2" || value === "hybrid"),
  private: flag,
  comment: text,
  overwrite: flag,
  signal,
  onProgress: callback,
}

/** Callers without types are told what is wrong at once, not by what breaks later. @throws AtError `AT_INVALID_INPUT` */
export function checkOptions(options: unknown): void {
  check(options, OPTIONS)
}

/** As {@link checkOptions}, for a call on an open dataset. @throws AtError `AT_INVALID_INPUT` */
export function checkCall(options: unknown): void {
  check(options, CALL_OPTIONS)
}

/** As {@link checkCall}, for a call that takes a choice of files. @throws AtError `AT_INVALID_INPUT` */
export function checkChoice(options: unknown): void {
  check(options, CHOICE)
}

/** As {@link checkOptions}, for bytes of a file. @throws AtError `AT_INVALID_INPUT` */
export function checkRead(offset: unknown, length: unknown, options: unknown): void {
  place(offset, "offset")
  place(length, "length")
  checkCall(options)
}

/** As {@link checkOptions}, for a stream of a file. @throws AtError `AT_INVALID_INPUT` */
export function checkStream(options: unknown): void {
  check(options, STREAM_OPTIONS)
}

/** As {@link checkOptions}, for `giveUntil`. @throws AtError `AT_INVALID_INPUT` */
export function checkGiveLimits(limits: unknown): void {
  check(limits, GIVE_LIMITS)
}

/** As {@link checkOptions}, for `create`. @throws AtError `AT_INVALID_INPUT` */
export function checkCreateOptions(options: unknown): void {
  check(options, CREATE_OPTIONS)
  // Without it there is nowhere to write.
  path((options as Partial<CreateOptions>).output, "output")
}

/** As {@link checkOptions}, for `setLimits`. @throws AtError `AT_INVALID_INPUT` */
export function checkLimits(options: unknown): void {
  check(options, LIMITS)
}

/** @throws AtError `AT_INVALID_INPUT` when it is no string */
export function checkTarget(target: unknown): void {
  text(target, "target")
}

/** @throws AtError `AT_INVALID_INPUT` when it is no string */
export function checkPath(path: unknown): asserts path is string {
  text(path, "path")
}

/** `option` names what the URL was given as. @throws AtError `AT_INVALID_INPUT` when it is none of these protocols */
export function checkUrl(option: string, url: string, protocols: readonly string[] = WEB): void {
  if (URL.canParse(url) && protocols.includes(new URL(url).protocol)) return
  const starts = protocols.map((protocol) => `${protocol}//`).join(" or ")
  throw new AtError("AT_INVALID_INPUT", `${option}: "${redactUrl(url)}" is not a usable URL`, {
    hint: `give ${option} as a complete URL that starts with ${starts}`,
  })
}

function check(options: unknown, checks: Readonly<Record<string, Check>>): void {
  object(options, "options")
  for (const [option, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(checks, option)) {
      throw new AtError("AT_INVALID_INPUT", `there is no option ${option}`, {
        hint: `leave out ${option}; the options are ${Object.keys(checks).join(", ")}`,
      })
    }
    if (value !== undefined) checks[option]?.(value, option)
  }
}

/** A check that an option passes when `is` says so; `what` completes "must be". */
function must(what: string, is: (value: unknown) => boolean): Check {
  return (value, option) => {
    if (is(value)) return
    throw new AtError("AT_INVALID_INPUT", `${option} must be ${what}`, { hint: `give ${option} as ${what}` })
  }
}

function isString(value: unknown): value is string {
  return typeof value === "string"
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every(isString)
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}

function has<Key extends string>(value: unknown, key: Key): value is Record<Key, unknown> {
  return typeof value === "object" && value !== null && key in value
}
