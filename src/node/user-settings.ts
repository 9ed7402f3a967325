import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { isAbsolute, join, resolve } from "node:path"
import { AtError, messageOf } from "../errors.js"
import type { ProxySettings } from "../proxy/proxies.js"
import { errnoOf } from "./errno.js"

/** What a user set outside of a call, in the environment. */
export interface UserSettings {
  /** `AT_SITE`; undefined: the service itself. */
  readonly site: string | undefined
  /** `AT_OFFLINE` is set, and to something else than `0`. */
  readonly offline: boolean
  /** Where what can be had again is kept: `XDG_CACHE_HOME/academictorrents`, else `~/.cache/academictorrents`. */
  readonly cache: string
  /** `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the same in lower case, which wins. Undefined: no proxy. */
  readonly proxies: ProxySettings | undefined
}

/**
 * Where datasets go: absolute. `AT_DATASTORE`, else the `datastore` of `~/.academictorrents.config`, else
 * `~/.academictorrents-datastore`.
 *
 * @throws AtError `AT_INVALID_INPUT` when the config file can't be read, or is malformed
 */
export function datastoreSetting(environment: NodeJS.ProcessEnv = process.env): string {
  const home = homedir()
  const { AT_DATASTORE: datastore } = environment
  return absolutePath(datastore || configured(home) || join(home, ".academictorrents-datastore"))
}

/** Reads the user's settings afresh. */
export function readUserSettings(environment: NodeJS.ProcessEnv = process.env): UserSettings {
  const { AT_SITE: site, AT_OFFLINE: offline } = environment
  return {
    site: site || undefined,
    offline: isSet(offline),
    cache: cacheDirectory(environment),
    proxies: proxySettings(environment),
  }
}

function proxySettings(environment: NodeJS.ProcessEnv): ProxySettings | undefined {
  const read = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name]
  // In a CGI program HTTP_PROXY is a header of whoever asks (CVE-2016-5385).
  const http = environment["REQUEST_METHOD"] === undefined ? read("HTTP_PROXY") : environment["http_proxy"]
  const [https, all] = [read("HTTPS_PROXY"), read("ALL_PROXY")]
  return http || https || all ? { http, https, all, none: read("NO_PROXY") } : undefined
}

/** Where what can be had again is kept. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME: cacheHome } = environment
  // The XDG specification: a relative path there is to be ignored.
  return join(cacheHome && isAbsolute(cacheHome) ? cacheHome : join(homedir(), ".cache"), "academictorrents")
}

/** `AT_DHT_BOOTSTRAP`: HOST:PORT, several with commas or spaces between; set to nothing: none. Undefined: not set. */
export function dhtBootstrapSetting(environment: NodeJS.ProcessEnv = process.env): string[] | undefined {
  const { AT_DHT_BOOTSTRAP: nodes } = environment
  return nodes?.split(/[\s,]+/).filter((node) => node !== "")
}

/** `AT_NO_LSD` is set, and to something else than `0`: an administrator wants no multicast. */
export function noLsdSetting(environment: NodeJS.ProcessEnv = process.env): boolean {
  const { AT_NO_LSD: off } = environment
  return isSet(off)
}

/**
 * An absolute path for what a user typed: `~` is the home directory, anything else is relative to where we are.
 *
 * @throws AtError `AT_INVALID_INPUT` when we are nowhere
 */
export function absolutePath(path: string): string {
  try {
    return path === "~" || path.startsWith("~/") ? resolve(homedir(), path.slice(2)) : resolve(path)
  } catch (cause) {
    throw new AtError("AT_INVALID_INPUT", `${path} is relative to the current folder, which no longer exists`, {
      hint: "change to a folder that exists, or give an absolute path",
      cause,
    })
  }
}

function isSet(flag: string | undefined): boolean {
  return flag !== undefined && flag !== "" && flag !== "0"
}

function configured(home: string): string | undefined {
  const path = join(home, ".academictorrents.config")
  const text = textOf(path)
  if (text === undefined) return undefined
  const config = parse(path, text)
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw malformed(path, "it is not an object")
  if (!("datastore" in config)) return undefined
  if (typeof config.datastore !== "string") throw malformed(path, '"datastore" is not a string')
  return config.datastore
}

/** Undefined when there is no such file. A file that is there was written for a purpose, so that it can't be read is told. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "ENOTDIR") return undefined
    throw new AtError("AT_INVALID_INPUT", `${path} can't be read: ${messageOf(cause).split(",")[0]}`, {
      hint: "make it readable or remove it, or say where datasets go with `datastore` or AT_DATASTORE",
      cause,
    })
  }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = messageOf(cause)
    // Where it does not say the position, it quotes the place.
    const position = /position (\d+)/.exec(message)?.[1]
    const line = position === undefined ? "" : ` (line ${text.slice(0, Number(position)).split("\n").length})`
    throw malformed(path, `${message.replaceAll(/\s+/g, " ")}${line}`, cause)
  }
}

function malformed(path: string, reason: string, cause?: unknown): AtError {
  return new AtError("AT_INVALID_INPUT", `${path} is malformed: ${reason}`, {
    hint: 'it should look like {"datastore": "/path/to/datasets"}; correct it or remove it',
    cause,
  })
}
