import { toLatin1 } from "./text.js"

const HIDDEN = "***"

/** Names of query arguments whose values let others act in the user's name. */
const SECRET_NAME = /pass|key|uid|user|pid|token|auth|secret|cred|sig|cookie|session|login/i

/** Arguments that look like secrets and are not: everybody in a swarm knows them. */
const PUBLIC_NAME = /^(info_?hash|peer_id|xt)$/i

/** Hexadecimal digits in such a number are a key. */
const LONG_HEX = /^[0-9a-f]{16,}$/i

/** Letters and digits mixed, too long for a word. */
const LONG_TOKEN = /^(?=.*\d)(?=.*[a-z])[a-z0-9]{24,}$/i

/** Path parts of our service that are followed by an infohash, which is public. */
const BEFORE_INFOHASH = /^(download|details|entry)$/

/**
 * A URL as it may be logged: user and password, values of arguments that are or look like keys, and parts of the path
 * that look like keys become `***`. It need not be a valid URL.
 */
export function redactUrl(url: string): string {
  const parts = /^([a-z][a-z0-9+.-]*:\/\/)?([^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(url)
  if (parts === null) return HIDDEN
  const [, scheme = "", authority = "", path = "", query = ""] = parts
  const at = authority.lastIndexOf("@")
  const host = at < 0 ? authority : `${HIDDEN}${authority.slice(at)}`
  return scheme + host + redactPath(path) + redactQuery(query)
}

/** A message in which every URL is redacted by {@link redactUrl}. */
export function redactUrls(text: string): string {
  return text.replace(/\b[a-z][a-z0-9+.-]{0,14}:\/\/[^\s"'<>]+/gi, redactUrl)
}

function redactPath(path: string): string {
  const parts = path.split("/")
  return parts.map((part, at) => (BEFORE_INFOHASH.test(parts[at - 1] ?? "") ? part : redactToken(part))).join("/")
}

function redactQuery(query: string): string {
  return query.replace(
    /([?&;])([^=&;]*)(=?)([^&;]*)/g,
    (_, separator: string, name: string, equals: string, value: string) => {
      if (equals === "") return separator + redactToken(name)
      if (PUBLIC_NAME.test(name)) return `${separator}${name}=${value}`
      const shown = SECRET_NAME.test(name) && value !== "" ? HIDDEN : redactToken(value)
      return `${separator}${name}=${shown}`
    },
  )
}

/** The file extension of a key stays, so that `/0123…ef.torrent` is still seen to be a torrent. */
function redactToken(text: string): string {
  const dot = text.indexOf(".")
  const stem = dot < 0 ? text : text.slice(0, dot)
  return LONG_HEX.test(stem) || LONG_TOKEN.test(stem) ? HIDDEN + text.slice(stem.length) : text
}

/** Undefined for what is no URL. */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

/** A URL's host as connections take it: an IPv6 address without its brackets. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1")
}

/** `HOST:PORT` as URLs and Host headers have it, an IPv6 address in brackets (RFC 3986, section 3.2.2). */
export function hostAndPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * The port that `HOST:PORT` names, whatever stands around them; undefined: none. It is where URL sees it, and not where the text
 * has a colon. URL leaves out the port that is usual for the scheme, so two schemes are asked.
 */
export function namedPort(address: string): number | undefined {
  const port = parseUrl(`http://${address}`)?.port || parseUrl(`https://${address}`)?.port
  return port ? Number(port) : undefined
}

/** Every byte that is not a letter, a digit or one of `-._~` (RFC 3986's unreserved characters) as `%XX`. */
export function encodePercents(bytes: Uint8Array): string {
  return toLatin1(bytes).replace(
    /[^A-Za-z0-9\-._~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  )
}

/** What is not encoded rightly (a `%` that stands for itself, bytes that are not UTF-8) stays as it is. */
export function decodePercents(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes)
    } catch {
      return escapes
    }
  })
}
