import { describe, expect, it } from "vitest"
import { encodeUtf8, toLatin1 } from "../../../src/bytes/text.js"
import { encode } from "../../../src/metainfo/bencode.js"
import { parseHttpScrape, scrapeUrl } from "../../../src/tracker/http-scrape.js"
import { parseTrackerUrl } from "../../../src/tracker/tracker-url.js"
import { INFO_HASH } from "./fake-trackers.js"

describe("a tracker's URL", () => {
  it.each([
    ["https://academictorrents.com/announce.php", "https://academictorrents.com/announce.php"],
    [" http://t.example:80/x/announce?passkey=0a#f ", "http://t.example/x/announce?passkey=0a"],
    ["HTTP://T.example/tracker", "http://t.example/tracker"],
    ["http://127.0.0.1:6969/announce", "http://127.0.0.1:6969/announce"],
    ["http://[::1]:6969/announce", "http://[::1]:6969/announce"],
    ["http://lab/tracker/announce.php", "http://lab/tracker/announce.php"],
    ["http://lab/announce.php?passkey=1", "http://lab/announce.php?passkey=1"],
  ])("is used over HTTP: %s", (text, url) => {
    expect(parseTrackerUrl(text)).toEqual({ kind: "http", url })
  })

  it.each([
    ["udp://tracker.example:1337/announce", "tracker.example", 1337, "/announce"],
    ["udp://tracker.example:80", "tracker.example", 80, ""],
    ["udp://tracker.example:80/", "tracker.example", 80, ""],
    ["udp://tracker.example:80/dir?a=b&c=d", "tracker.example", 80, "/dir?a=b&c=d"],
    ["udp://[2001:db8::1]:6969/?auth=0x00", "2001:db8::1", 6969, "/?auth=0x00"],
    ["udp://tracker.example:443/", "tracker.example", 443, ""],
    ["UDP://127.0.0.1:6969", "127.0.0.1", 6969, ""],
  ])("is used over UDP: %s", (text, hostname, port, urlData) => {
    expect(parseTrackerUrl(text)).toEqual({ kind: "udp", hostname, port, urlData })
  })

  it.each([
    ["", /only http/],
    ["ftp://t.example/announce", /only http/],
    ["wss://t.example/announce", /only http/],
    ["file:///etc/passwd", /only http/],
    ["http://", /malformed/],
    ["http://t.example:99999/announce", /malformed/],
    ["udp://t.example", /port/],
    ["udp://t.example:0", /port/],
    ["udp://t.example\\@127.0.0.1:70000", /port/],
    ["http://t.example/announce?info_hash=x", /info_hash/],
    ["http://t.example/announce?a=1&PEER_ID=x", /PEER_ID/],
    ["udp://t.example:1/?event=x", /event/],
    ["http://192.168.1.1/reboot", /local/],
    ["http://192.168.1.1/announce/../reboot?x=announce", /local/],
    ["http://localhost/", /local/],
    ["http://192.168.1.1/goform/reboot/announce?now=1", /query/],
    ["http://router/apply.cgi/announce.php?action=reboot", /query/],
    ["http://router/setup?x=/announce", /local/],
    ["http://[::ffff:127.0.0.1]/x", /local/],
    ["http://0x7f000001/x", /local/],
    ["http://0.0.0.0/x", /local/],
    ["http://[::]/x", /local/],
    ["http://[2002:7f00:1::]/x", /local/],
    [`http://t.example/${"a".repeat(3000)}`, /long/],
  ])("is refused: %s", (text, reason) => {
    const target = parseTrackerUrl(text)
    expect(target.kind === "refused" && target.reason).toMatch(reason)
  })
})

describe("a scrape over HTTP", () => {
  it("goes to the URL that belongs to the announce URL", () => {
    const hash = encodeUtf8("aaaaaaaaaaaaaaaaaaaa")
    const path = (announce: string) => scrapeUrl(announce, hash)?.replace("info_hash=aaaaaaaaaaaaaaaaaaaa", "H")
    expect(path("http://t.example/announce")).toBe("http://t.example/scrape?H")
    expect(path("https://t.example/announce.php?passkey=1")).toBe("https://t.example/scrape.php?passkey=1&H")
    expect(path("http://t.example/announce/x/announce")).toBe("http://t.example/announce/x/scrape?H")
    expect(path("http://t.example/a")).toBeUndefined()
    expect(path("http://t.example/announce/x")).toBeUndefined()
    expect(path("http://t.example/a?b=/announce")).toBeUndefined()
  })

  it("reads the counts of its own torrent alone, null for what is not said", () => {
    const files = new Map([[toLatin1(INFO_HASH.map((byte) => byte ^ 1)), { complete: 9 }]])
    const body = (counts: Record<string, number>) =>
      rawFiles([...files, [toLatin1(INFO_HASH), counts] as [string, Record<string, number>]])
    expect(parseHttpScrape(body({ complete: 11, downloaded: 13772, incomplete: 19 }), INFO_HASH)).toEqual({
      kind: "answered",
      counts: { seeds: 11, leechers: 19, downloads: 13772 },
    })
    expect(parseHttpScrape(body({ complete: 11 }), INFO_HASH)).toMatchObject({
      counts: { seeds: 11, leechers: null, downloads: null },
    })
    expect(parseHttpScrape(rawFiles([...files]), INFO_HASH)).toMatchObject({
      message: expect.stringMatching(/does not know/),
    })
    expect(parseHttpScrape(encode({ "failure reason": "no" }), INFO_HASH)).toMatchObject({ message: "no" })
  })
})

/** The encoder takes keys as text; a scrape's are bytes. */
function rawFiles(entries: readonly (readonly [string, Record<string, number>])[]): Uint8Array {
  const inner = entries.map(([key, counts]) => `20:${key}${toLatin1(encode(counts))}`).join("")
  return Uint8Array.from(`d5:filesd${inner}ee`, (character) => character.charCodeAt(0))
}
