import { parseUrl } from "../bytes/url.js"
import { AtError } from "../errors.js"
import { type InfoHash, parseInfoHash } from "../metainfo/info-hash.js"
import { type Magnet, parseMagnet } from "../metainfo/magnet.js"

/** What a user may name a dataset by. */
export type Target =
  | { readonly kind: "info-hash"; readonly infoHash: InfoHash }
  | { readonly kind: "magnet"; readonly magnet: Magnet }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "file"; readonly path: string }

/** A details or download page of the service names the infohash itself (`/details/HASH`, `/download/HASH.torrent`). */
const PAGE = /\/(details|download)\/([0-9a-fA-F]{40})(?:\.torrent)?(?:[/?#].*)?$/

/** The same without its scheme. */
const BARE_PAGE =
  /^(?:www\.)?academictorrents\.com\/(?:details|download)\/([0-9a-fA-F]{40})(?:\.torrent)?(?:[/?#].*)?$/i

/** Where the service is. */
const HOSTS = ["academictorrents.com", "www.academictorrents.com"]

/**
 * Understands a target: an infohash, a magnet link, the URL of a .torrent or of a page of the service, or a path. `site`: the
 * base URL of the service, where that is another.
 *
 * @throws AtError `AT_INVALID_INPUT` when it is none of these
 */
export function parseTarget(text: string, site?: string): Target {
  const target = text.trim()
  if (target === "") throw malformed(text)
  const infoHash = parseInfoHash(target)
  if (infoHash !== undefined) return { kind: "info-hash", infoHash }
  if (/^magnet:/i.test(target)) return { kind: "magnet", magnet: parseMagnet(target) }
  // As browsers show it and people copy it.
  const bare = BARE_PAGE.exec(target)?.[1]
  const fromBare = bare === undefined ? undefined : parseInfoHash(bare)
  if (fromBare !== undefined) return { kind: "info-hash", infoHash: fromBare }
  if (/^https?:\/\//i.test(target)) {
    const fromPage = infoHashOfPage(target, site)
    return fromPage === undefined ? { kind: "url", url: target } : { kind: "info-hash", infoHash: fromPage }
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(target) || /^[0-9a-fA-F]{51,}$/.test(target)) throw malformed(text)
  return { kind: "file", path: target }
}

/** What another host keeps below /download/ is a .torrent like any other, and perhaps not one of the service's. */
function infoHashOfPage(url: string, site: string | undefined): InfoHash | undefined {
  const [, page, digits = ""] = PAGE.exec(url) ?? []
  return page === "details" || isService(url, site) ? parseInfoHash(digits) : undefined
}

function isService(url: string, site: string | undefined): boolean {
  const host = parseUrl(url)?.host
  return host !== undefined && (HOSTS.includes(host) || host === parseUrl(site ?? "")?.host)
}

/** An infohash with digits too few or too many, most likely; but it may be a file's name as well. */
export function looksLikeInfoHash(text: string): boolean {
  return /^[0-9a-fA-F]{30,50}$/.test(text.trim())
}

/** It has what only paths have; a bare word may be a file's name, too, if there is such a file. */
export function looksLikePath(text: string): boolean {
  return /[/\\]|\.torrent$/i.test(text.trim())
}

export function malformed(text: string): AtError {
  return new AtError("AT_INVALID_INPUT", `"${text}" does not name a dataset`, {
    hint: "give an infohash (40 hex digits), a magnet link, the path or URL of a .torrent file, or a details page",
  })
}
