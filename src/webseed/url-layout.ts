import { NO_LOCAL_QUERY, queriesLocalPlace } from "../bytes/address-policy.js"
import { encodeUtf8 } from "../bytes/text.js"
import { encodePercents, parseUrl } from "../bytes/url.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { rawElements } from "../metainfo/raw-path.js"

/** Where the files of a torrent lie on a web seed, or why its URL can't be used. */
export type UrlLayout = { kind: "usable"; urlOf(file: number): string } | { kind: "unusable"; reason: string }

/**
 * BEP 19: for a single file, the URL is the file, or its folder when it ends in a slash. For several, the URL is the
 * parent of the folder that is named like the torrent (a missing slash at its end is added).
 */
export function urlLayout(url: string, metainfo: Metainfo): UrlLayout {
  const base = normalizeUrl(url)
  if (base === undefined) return { kind: "unusable", reason: "its URL is malformed" }
  // BEP 19 also knows FTP: a client should ignore the protocols that it does not speak.
  const scheme = base.slice(0, base.indexOf(":"))
  if (scheme !== "http" && scheme !== "https") return { kind: "unusable", reason: `${scheme} is not supported` }

  if (metainfo.kind === "file") {
    const fileUrl = base.endsWith("/") ? base + encodeElement(metainfo.rawName) : base
    return { kind: "usable", urlOf: () => fileUrl }
  }
  const folder = `${base.endsWith("/") ? base : `${base}/`}${encodeElement(metainfo.rawName)}`
  return {
    kind: "usable",
    urlOf: (file) => `${folder}/${rawElements(metainfo, file).map(encodeElement).join("/")}`,
  }
}

/** Why a torrent, or a link, may not name this URL. Undefined: it may. The user may name any. */
export function whyForbidden(url: string): string | undefined {
  const parsed = parseUrl(url)
  return parsed !== undefined && queriesLocalPlace(parsed) ? NO_LOCAL_QUERY : undefined
}

/** The URLs without those that lead to the same files as one before: many a torrent names a folder with its slash and without. */
export function distinctPlaces(urls: readonly string[], metainfo: Metainfo): string[] {
  const known = new Set<string>()
  return urls.filter((url) => {
    const layout = urlLayout(url, metainfo)
    const place = layout.kind === "usable" ? layout.urlOf(0) : url
    return !known.has(place) && known.add(place)
  })
}

/**
 * The URL as it goes on the wire: what is encoded already stays so, what authors left bare (spaces, brackets, a lone
 * percent sign, letters beyond ASCII) is encoded, and a fragment, which is never sent, is cut off, as is an empty query.
 */
function normalizeUrl(url: string): string | undefined {
  const bare = url
    .trim()
    .replace(/#.*$/s, "")
    .replaceAll(/%(?![0-9a-f]{2})/gi, "%25")
  const parsed = parseUrl(bare)
  if (parsed === undefined) return undefined
  // A question mark with nothing behind it: `href` keeps it, `search` does not show it.
  if (parsed.search === "") parsed.search = ""
  const authority = parsed.href.slice(0, parsed.href.length - parsed.pathname.length - parsed.search.length)
  // The URL standard lets these stand in a path; RFC 3986 does not, and some servers insist.
  const path = parsed.pathname.replaceAll(/[[\]|^]/g, encodeURIComponent)
  return authority + path + parsed.search
}

/** One element of a path. A `+` is encoded as well: a bare one is a space to some servers. */
function encodeElement(name: string): string {
  return encodePercents(encodeUtf8(name))
}
