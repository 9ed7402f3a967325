import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { type Bencodable, encode, Raw } from "./bencode.js"
import { inUrl, listen } from "./listen.js"
import { catalogue, collectionCsv, collectionsCsv, detailsPage, entryJson, notFoundPage } from "./site-pages.js"
import { readTorrent, type Torrent } from "./torrent.js"

/** A dataset as its page describes it. */
export interface EntryOptions {
  category?: "Dataset" | "Paper" | "Course"
  description?: string
  authors?: string
  /** Names of the collections it is in. */
  collections?: readonly string[]
  mirrors?: number
  downloaders?: number
  timesCompleted?: number
  /** Seconds since 1970. */
  added?: number
  /** The page's backup URLs: put into the .torrent each time it is downloaded. */
  webSeeds?: readonly string[]
  /** Tiers put behind the site's own tracker. */
  trackers?: readonly (readonly string[])[]
}

export interface Entry extends Required<EntryOptions> {
  readonly torrent: Torrent
}

export interface SiteRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  /** Requests for the same path before this one. */
  readonly before: number
}

/** What happens instead of an honest answer. */
export type SiteFault =
  | { kind: "status"; status: number; retryAfter?: string }
  /** A page with status 200, as a browser check is. */
  | { kind: "html" }
  /** An honest answer, later. */
  | { kind: "slow"; milliseconds: number }
  /** The connection is cut within the body. */
  | { kind: "cut" }
  /** No answer at all. */
  | { kind: "silent" }
  /** Any other body. */
  | { kind: "body"; body: Uint8Array; contentType?: string }

export interface SiteOptions {
  host?: string
  port?: number
  /** The site's own tracker; first in every .torrent it gives out. */
  tracker?: string
  fault?: (request: SiteRequest) => SiteFault | undefined
}

export interface Site {
  /** What `AT_SITE` is set to: `http://host:port`. */
  readonly url: string
  readonly requests: readonly SiteRequest[]
  /** Returns the entry, which may be changed later, as the real one can on its page. */
  publish(torrent: Uint8Array, options?: EntryOptions): Entry
  remove(infoHash: string): void
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Uint8Array
}

/** Starts a site with the pages and the quirks of academictorrents.com. */
export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const host = options.host ?? "127.0.0.1"
  const entries = new Map<string, Entry>()
  const requests: SiteRequest[] = []
  /** Changes with every entry, and with it the feeds' ETag. */
  let edition = 0
  let downloads = 0
  let url = ""

  const pages = (path: string): Answer => {
    const download = /^\/download\/([0-9a-fA-F]{40})(?:\.torrent)?$/.exec(path)
    const page = /^\/(details|apiv2\/entry)\/([0-9a-fA-F]{40})(?:\/tech)?$/.exec(path)
    const entry = entries.get((download?.[1] ?? page?.[2] ?? "").toLowerCase())
    if (download !== null && entry !== undefined) {
      const body = outerDictionary(entry, options.tracker, downloads++)
      return { status: 200, type: "application/x-bittorrent", body }
    }
    if (page !== null && entry !== undefined) {
      if (page[1] === "details") return { status: 200, type: "text/html", body: detailsPage(entry) }
      return { status: 200, type: "application/json", body: entryJson(entry) }
    }
    const collection = /^\/collection\/([^/]+)\.csv$/.exec(path)
    if (collection !== null) {
      const name = decodeURIComponent(collection[1]!)
      const within = [...entries.values()].filter((candidate) => candidate.collections.includes(name))
      if (within.length > 0) return { status: 200, type: "text/csv", body: collectionCsv(within) }
    }
    if (path === "/collections.php?format=.csv") {
      return { status: 200, type: "text/csv", body: collectionsCsv([...entries.values()]) }
    }
    if (path === "/database.xml" || path === "/rss.xml") {
      return { status: 200, type: "text/xml", body: catalogue([...entries.values()], url) }
    }
    return { status: 404, type: "text/html; charset=UTF-8", body: notFoundPage() }
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "/"
    const seen: SiteRequest = {
      method: request.method ?? "GET",
      url: path,
      headers: request.headers,
      before: requests.filter((earlier) => earlier.url === path).length,
    }
    requests.push(seen)
    const fault = options.fault?.(seen)
    if (fault?.kind === "silent") return
    if (fault?.kind === "slow") await sleep(fault.milliseconds)
    if (fault?.kind === "status") {
      if (fault.retryAfter !== undefined) response.setHeader("retry-after", fault.retryAfter)
      return void response.writeHead(fault.status, { "content-type": "text/html" }).end("<title>Slow down</title>")
    }
    if (fault?.kind === "html") {
      return void response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Check</title>")
    }
    if (fault?.kind === "body") {
      return void response
        .writeHead(200, { "content-type": fault.contentType ?? "application/x-bittorrent" })
        .end(fault.body)
    }
    const answer = pages(path)
    if (answer.status === 200 && answer.type === "text/xml" && notModified(request, response, edition)) return
    const body = Buffer.from(answer.body)
    response.writeHead(answer.status, { "content-type": answer.type, "content-length": body.length })
    if (fault?.kind === "cut") response.write(body.subarray(0, body.length >> 1), () => response.destroy())
    else response.end(request.method === "HEAD" ? undefined : body)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  const listening = await listen(server, host, options.port ?? 0)
  url = `http://${inUrl(host)}:${listening.port}`
  return {
    url,
    requests,
    publish(bytes, entryOptions = {}) {
      const torrent = readTorrent(bytes)
      const entry: Entry = {
        torrent,
        category: "Dataset",
        description: "",
        authors: "",
        collections: [],
        mirrors: 0,
        downloaders: 0,
        timesCompleted: 0,
        added: 1_700_000_000,
        webSeeds: [],
        trackers: [],
        ...entryOptions,
      }
      entries.set(torrent.infoHash, entry)
      edition++
      return entry
    },
    remove(infoHash) {
      entries.delete(infoHash)
      edition++
    },
    close: () => listening.close(),
  }
}

/** Two identical conditional requests get 304, the way the service's feeds answer. */
function notModified(request: IncomingMessage, response: ServerResponse, edition: number): boolean {
  const etag = `W/"${edition}"`
  const modified = new Date(1_700_000_000_000 + edition * 1000).toUTCString()
  response.setHeader("etag", etag)
  response.setHeader("last-modified", modified)
  const same = request.headers["if-none-match"]
  if (same === undefined ? request.headers["if-modified-since"] !== modified : same !== etag) return false
  response.writeHead(304).end()
  return true
}

/**
 * The .torrent as it is given out this time: `info` untouched, and around it the site's tracker first, an empty tier,
 * the page's URLs of today, and a comment that is never the same twice.
 */
function outerDictionary(entry: Entry, tracker: string | undefined, count: number): Buffer {
  const tiers: Bencodable[] = tracker === undefined ? [] : [[tracker]]
  tiers.push(...entry.trackers, [""])
  // A dead tracker joins every other time, as the public ones that the service adds do.
  if (count % 2 === 1) tiers.push(["udp://127.0.0.1:9/announce"])
  const first = tracker ?? entry.trackers[0]?.[0]
  return encode({
    announce: first,
    "announce-list": tiers,
    comment: `downloaded ${count + 1} times`,
    "created by": "testbed",
    "creation date": entry.added,
    info: new Raw(entry.torrent.info),
    "url-list":
      entry.webSeeds.length === 0 ? undefined : entry.webSeeds.length === 1 ? entry.webSeeds[0] : entry.webSeeds,
  })
}
