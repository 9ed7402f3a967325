import { encodePercents } from "../bytes/url.js"
import { asDictionary } from "../metainfo/bencode.js"
import { failed, type ScrapeOutcome } from "./announce.js"
import { decodeAnswer, failureOf, natural, withArguments } from "./http-announce.js"

/**
 * The scrape URL that belongs to an announce URL (BEP 48): `announce` at the start of the path's last part becomes
 * `scrape`. Undefined when there is none. Arguments, such as a passkey, stay.
 *
 * One infohash alone: Academic Torrents' tracker ignores all but one.
 */
export function scrapeUrl(tracker: string, infoHash: Uint8Array): string | undefined {
  const [, path = "", rest = "", query = ""] = /^([^?]*\/)announce([^/?]*)(\?.*)?$/.exec(tracker) ?? []
  if (path === "") return undefined
  return withArguments(`${path}scrape${rest}${query}`, `info_hash=${encodePercents(infoHash)}`)
}

/** The body of a scrape's answer. Never throws. */
export function parseHttpScrape(body: Uint8Array, infoHash: Uint8Array): ScrapeOutcome {
  const dictionary = decodeAnswer(body)
  if (typeof dictionary === "string") return failed(dictionary)
  const failure = failureOf(dictionary)
  if (failure !== undefined) return failure
  const counts = asDictionary(dictionary.dictionary("files")?.getByBytes(infoHash))
  if (counts === undefined) return failed("the tracker does not know this torrent")
  return {
    kind: "answered",
    counts: {
      seeds: natural(counts, "complete") ?? null,
      leechers: natural(counts, "incomplete") ?? null,
      downloads: natural(counts, "downloaded") ?? null,
    },
  }
}
