import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { isAbsolute, join, resolve } from "node:path"
import { AtError } from "../errors.js"
import type { ProxySettings } from "../proxy/proxies.js"

/** What a user set outside of a call: by the environment, or in `~/.academictorrents.config`. */
export interface UserSettings {
  /** Where datasets go: absolute. `AT_DATASTORE`, else the config file's `datastore`, else `~/.academictorrents-datastore`. */
  readonly datastore: string
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
 * Reads the user's settings afresh.
 *
 * @throws AtError `AT_INVALID_INPUT` when the config file is malformed
 */
export function readUserSettings(environment: NodeJS.ProcessEnv = process.env): UserSettings {
  const home = homedir()
  const { AT_DATASTORE: datastore, AT_SITE: site, AT_OFFLINE: offline } = environment
  return {
    datastore: absolutePath(datastore || configured(home) || join(home, ".academictorrents-datastore")),
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
    throw new AtError("AT_INVALID_INPUT", `${path} is relative to the current folder, which exists no more`, {
      hint: "change to a folder that exists, or give the whole path",
      cause,
    })
  }
}

function isSet(flag: string | undefined): boolean {
  return flag !== undefined && flag !== "" && flag !== "0"
}

function configured(home: string): string | undefined {
  const path = join(home, ".academictorrents.config")
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch {
    return undefined
  }
  try {
    const config: unknown = JSON.parse(text)
    if (typeof config !== "object" || config === null || !("datastore" in config)) return undefined
    if (typeof config.datastore === "string") return config.datastore
  } catch (cause) {
    throw malformed(path, cause)
  }
  throw malformed(path, undefined)
}

function malformed(path: string, cause: unknown): AtError {
  return new AtError("AT_INVALID_INPUT", `${path} is malformed`, {
    hint: 'it should look like {"datastore": "/path/to/datasets"}; mend it or remove it',
    cause,
  })
}
