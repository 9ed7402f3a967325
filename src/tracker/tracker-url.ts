import { classifyHost, NO_LOCAL_QUERY, queriesLocalPlace } from "../bytes/address-policy.js"
import { namedPort, parseUrl, withoutBrackets } from "../bytes/url.js"

export interface HttpTarget {
  readonly kind: "http"
  readonly url: string
}

export interface UdpTarget {
  readonly kind: "udp"
  /** A name or an address, which is without brackets. */
  readonly hostname: string
  readonly port: number
  /** Path and query, which BEP 41 carries to the tracker; "" when there are none. */
  readonly urlData: string
}

/** Where a tracker is, or why its URL is not used. */
export type TrackerTarget = HttpTarget | UdpTarget | { readonly kind: "refused"; readonly reason: string }

/** A torrent that brings these itself would have us announce something else than we mean. */
const OUR_ARGUMENTS = new Set(["info_hash", "peer_id", "port", "uploaded", "downloaded", "left", "event", "compact"])

/** More is not an address but an attack on somebody's parser. */
const MAX_LENGTH = 2048

/** Judges a tracker's URL as a torrent or a user gives it. Never throws. */
export function parseTrackerUrl(text: string): TrackerTarget {
  const trimmed = text.trim()
  if (trimmed.length > MAX_LENGTH) return refused("the URL is too long")
  const scheme = /^(https?|udp):\/\//i.exec(trimmed)?.[1]?.toLowerCase()
  if (scheme === undefined) return refused("only http, https and udp trackers are supported")
  // URL leaves the host of a scheme it does not know unparsed.
  const url = parseUrl(trimmed.replace(/^udp/i, "http"))
  if (url === undefined) return refused("the URL is malformed")
  for (const name of url.searchParams.keys()) {
    if (OUR_ARGUMENTS.has(name.toLowerCase())) return refused(`the URL already has the argument ${name}`)
  }
  if (scheme === "udp") return udpTarget(trimmed, url)
  // A torrent must not be a way to send requests to the user's router: libtorrent asks the same of local trackers, with
  // "announce" at the start of the whole path; we ask it of the last part, so that trackers below a folder work.
  if (classifyHost(url.hostname) === "local" && !/\/announce[^/]*$/.test(url.pathname)) {
    return refused("a tracker at a local address must have a path that ends in /announce")
  }
  // To many servers what comes before is the program, and "/announce" its argument.
  if (queriesLocalPlace(url) && url.pathname.lastIndexOf("/") > 0) {
    return refused(`${NO_LOCAL_QUERY}, except to /announce`)
  }
  url.hash = ""
  return { kind: "http", url: url.href }
}

function udpTarget(text: string, url: URL): TrackerTarget {
  const port = namedPort(text.slice("udp://".length)) ?? 0
  if (port === 0) return refused("a udp tracker needs a port")
  const path = url.pathname === "/" && url.search === "" ? "" : url.pathname
  return { kind: "udp", hostname: withoutBrackets(url.hostname), port, urlData: path + url.search }
}

function refused(reason: string): TrackerTarget {
  return { kind: "refused", reason }
}
