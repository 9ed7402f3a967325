import { parseIp } from "../../../src/bytes/ip.js"
import { decodeUtf8Lenient } from "../../../src/bytes/text.js"
import { encode } from "../../../src/metainfo/bencode.js"
import { announceUrl, parseHttpAnswer } from "../../../src/tracker/http-announce.js"
import { parseHttpScrape, scrapeUrl } from "../../../src/tracker/http-scrape.js"
import { MAX_PEERS } from "../../../src/tracker/peer-list.js"
import { parseTrackerUrl } from "../../../src/tracker/tracker-url.js"
import {
  decodeAnnounce,
  decodeConnect,
  decodeError,
  decodeHeader,
  decodeScrape,
} from "../../../src/tracker/udp-announce.js"
import { must } from "../lib/expect.js"
import { bencoded, type Target, words } from "../lib/target.js"

const infoHash = new Uint8Array(20).fill(0x61)
/** A message to the user, in UTF-16 units. */
const MESSAGE = 400

/** BEP 3, 7, 23, 24, 31, 48: an answer is peers and numbers that can be, or a failure that has a reason. */
export const httpTracker: Target = {
  name: "http-tracker",
  seeds: () => [
    encode({ interval: 1800, "min interval": 60, complete: 5, incomplete: 2, peers: new Uint8Array(12).fill(9) }),
    encode({
      interval: 1800,
      peers: [{ ip: "192.0.2.1", port: 6881, "peer id": "x".repeat(20) }],
      "external ip": "::1",
    }),
    encode({ peers6: new Uint8Array(36).fill(0x20), "tracker id": "abc", "warning message": "slow" }),
    encode({ "failure reason": "unregistered", "retry in": "never" }),
    encode({ files: { ["a".repeat(20)]: { complete: 1, incomplete: 2, downloaded: 3 } } }),
    ...words("\x1f\x8b", "<html>", "d8:intervali60ee\n"),
  ],
  ...bencoded(
    words(
      ..."interval,min interval,complete,incomplete,downloaded,peers,peers6,ip,port,peer id,tracker id".split(","),
      ..."failure reason,retry in,never,warning message,external ip,files".split(","),
      ...["a".repeat(20), "::ffff:1.2.3.4", "1.2.3.4"],
    ),
  ),
  check(input) {
    const outcome = parseHttpAnswer(input)
    if (outcome.kind === "failed") mustHaveReason(outcome.message)
    else {
      const { peers, interval = 0, minInterval = 0, seeds = 0, leechers = 0, externalAddress } = outcome.answer
      for (const number of [interval, minInterval, seeds, leechers]) mustBeNatural(number)
      mustBePeers(peers, input.length)
      must(externalAddress === undefined || parseIp(externalAddress) !== undefined, "we have no such address")
    }
    const scraped = parseHttpScrape(input, infoHash)
    if (scraped.kind === "failed") mustHaveReason(scraped.message)
    else for (const number of Object.values(scraped.counts)) mustBeNatural(number ?? 0)
  },
}

/** BEP 15. */
export const udpTracker: Target = {
  name: "udp-tracker",
  seeds: () => [
    Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9),
    Uint8Array.of(0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2, 192, 0, 2, 1, 26, 225),
    Uint8Array.of(0, 0, 0, 2, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3),
    Uint8Array.of(0, 0, 0, 3, 1, 2, 3, 4, ...new TextEncoder().encode("no such torrent")),
  ],
  words: [new Uint8Array(18).fill(0xff), Uint8Array.of(0x80, 0, 0, 0), Uint8Array.of(10, 0, 0, 1, 0, 80)],
  check(input) {
    const header = decodeHeader(input)
    must((header === undefined) === input.length < 8, "a header is read where none is")
    must((decodeConnect(input) === undefined) === input.length < 16, "an id is read where none is")
    for (const family of [4, 6] as const) {
      const answer = decodeAnnounce(input, family)
      must((answer === undefined) === input.length < 20, "an answer is read where none is")
      if (answer === undefined) continue
      mustBePeers(answer.peers, input.length)
      for (const number of [answer.interval, answer.seeds, answer.leechers]) mustBeNatural(number ?? 0)
    }
    for (const number of Object.values(decodeScrape(input) ?? {})) mustBeNatural(number ?? 0)
    mustHaveReason(decodeError(input))
  },
}

/** A tracker's URL, as a torrent has it. */
export const trackerUrl: Target = {
  name: "tracker-url",
  seeds: () =>
    words(
      "http://tracker.example/announce",
      "https://user:pass@tracker.example:8443/x/announce.php?passkey=1",
      "udp://[2001:db8::1]:6969/announce",
      "http://127.0.0.1/announce",
    ),
  words: words(
    ..."http://,https://,udp://,file://,localhost,127.0.0.1,[::1],:80,:0,:99999,/announce,?,&,#,@,info_hash=".split(
      ",",
    ),
    ...["\r\n", "\0", "%0d%0a", " ", "..", "\u3002", "0x7f.1", "xn--", "ü"],
  ),
  check(input) {
    const target = parseTrackerUrl(decodeUtf8Lenient(input))
    if (target.kind === "refused") mustHaveReason(target.reason)
    else if (target.kind === "udp") {
      must(target.hostname !== "" && target.port > 0 && target.port < 65536, "it leads nowhere")
      must(/^[!-~]*$/.test(target.hostname + target.urlData), "it has characters that are not sent")
    } else {
      const stats = { uploaded: 0, downloaded: 0, left: 1, port: 6881, numWant: 50 }
      const request = { infoHash, peerId: infoHash, key: 1, event: "started" as const, stats }
      for (const url of [announceUrl(target.url, request), scrapeUrl(target.url, infoHash)]) {
        if (url === undefined) continue
        must(/^https?:\/\/[!-~]*$/.test(url), `${JSON.stringify(url)} does not go on a line`)
        const { hostname, searchParams } = new URL(url)
        must(hostname === new URL(target.url).hostname, "it leads elsewhere")
        must(url.includes("#") || searchParams.getAll("info_hash").length === 1, "it asks for more than one torrent")
      }
    }
  },
}

function mustBePeers(peers: readonly { host: string; port: number }[], length: number): void {
  must(peers.length <= MAX_PEERS && 6 * peers.length <= length, "it names too many peers")
  for (const { host, port } of peers) {
    must(Number.isInteger(port) && port > 0 && port < 65536, `${port} is no port`)
    must(
      parseIp(host) !== undefined && !/^(0\.|169\.254\.|22[4-9]\.|255\.|ff[^:]{2}:|fe[89ab][^:]:)/.test(host),
      `${host} is nobody`,
    )
  }
}

function mustBeNatural(number: number): void {
  must(Number.isSafeInteger(number) && number >= 0, `${number} is no count`)
}

function mustHaveReason(message: string): void {
  must(message.trim() !== "" && message.length <= MESSAGE, `a reason of ${message.length} characters`)
}
