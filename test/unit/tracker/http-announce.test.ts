import { describe, expect, it } from "vitest"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { type BencodeInput, encode } from "../../../src/metainfo/bencode.js"
import type { AnnounceAnswer, AnnounceRequest } from "../../../src/tracker/announce.js"
import { announceUrl, type EncryptionSupport, parseHttpAnswer } from "../../../src/tracker/http-announce.js"
import { MAX_PEERS } from "../../../src/tracker/peer-list.js"
import { compact, INFO_HASH, PEER_ID } from "./fake-trackers.js"

const request: AnnounceRequest = {
  infoHash: INFO_HASH,
  peerId: PEER_ID,
  key: 0xabc,
  event: "started",
  stats: { uploaded: 1, downloaded: 2, left: 1_354_135_939_103, port: 6881, numWant: 100 },
}

function answered(input: BencodeInput): AnnounceAnswer {
  const outcome = parseHttpAnswer(encode(input))
  if (outcome.kind === "failed") throw new Error(outcome.message)
  return outcome.answer
}

const refusal = (input: BencodeInput | Uint8Array) => {
  const outcome = parseHttpAnswer(input instanceof Uint8Array ? input : encode(input))
  return outcome.kind === "failed" ? outcome : undefined
}

describe("the URL of an announce", () => {
  it("carries the hash byte by byte and all that BEP 3, 7 and 23 name", () => {
    const bytes = Uint8Array.from([0, 0x2b, 0x20, 0x7e, 0x41, 0xff, 0x25, 0x2f, ...new Array<number>(12).fill(0x61)])
    expect(announceUrl("http://t.example/announce", { ...request, infoHash: bytes })).toBe(
      "http://t.example/announce?info_hash=%00%2B%20~A%FF%25%2Faaaaaaaaaaaa&peer_id=-AT0001-abcdefghijkl" +
        "&port=6881&uploaded=1&downloaded=2&left=1354135939103&compact=1&no_peer_id=1&key=00000abc&numwant=100" +
        "&event=started",
    )
  })

  it("keeps the tracker's own arguments, such as a passkey, and gives its id back", () => {
    const url = announceUrl("https://t.example/announce.php?passkey=0a", { ...request, trackerId: encodeUtf8("x&y") })
    expect(url).toMatch(/^https:\/\/t\.example\/announce\.php\?passkey=0a&info_hash=/)
    expect(url).toMatch(/&trackerid=x%26y$/)
    expect(announceUrl("http://t.example/announce?", request)).toMatch(/announce\?info_hash=/)
  })

  it("says whether peers' connections can be, or must be, encrypted", () => {
    const said = (encryption?: EncryptionSupport): string[] =>
      announceUrl("http://t.example/announce", { ...request, event: "none" }, encryption).match(/[a-z]+crypto=1/g) ?? []
    expect([said(), said("none"), said("supported"), said("required")]).toEqual([
      [],
      [],
      ["supportcrypto=1"],
      ["supportcrypto=1", "requirecrypto=1"],
    ])
  })

  it("asks for no peers when it says goodbye, and names no event in between", () => {
    expect(announceUrl("http://t.example/announce", { ...request, event: "stopped" })).toMatch(
      /&numwant=0&event=stopped$/,
    )
    expect(announceUrl("http://t.example/announce", { ...request, event: "none" })).not.toContain("event")
  })

  it("says that we are a partial seed (BEP 21) in place of no event, not of one that the tracker must hear", () => {
    const stats = { ...request.stats, partialSeed: true }
    const saidOf = (event: AnnounceRequest["event"]) =>
      new URL(announceUrl("http://t.example/announce", { ...request, stats, event })).searchParams.getAll("event")
    const events = ["started", "none", "completed", "stopped"] as const
    expect(events.map(saidOf)).toEqual([["started"], ["paused"], ["completed"], ["stopped"]])
  })
})

describe("an HTTP tracker's answer", () => {
  it("gives compact peers of both families, counts and intervals", () => {
    const six = new Uint8Array(18)
    six.set([0x20, 1, 0xd, 0xb8], 0)
    six.set([1, 0x1a, 0xe1], 15)
    expect(
      answered({
        interval: 1800,
        "min interval": 60,
        complete: 3,
        incomplete: 4,
        peers: compact("203.0.113.9:6881", "10.0.0.2:1"),
        peers6: six,
        "tracker id": "abc",
        "warning message": "slow down",
        "external ip": Uint8Array.from([203, 0, 113, 5]),
      }),
    ).toEqual({
      interval: 1800,
      minInterval: 60,
      seeds: 3,
      leechers: 4,
      peers: [
        { host: "203.0.113.9", port: 6881 },
        { host: "10.0.0.2", port: 1 },
        { host: "2001:db8::1", port: 6881 },
      ],
      trackerId: encodeUtf8("abc"),
      warning: "slow down",
      externalAddress: "203.0.113.5",
    })
  })

  it("reads the first peer of the answer in BEP 7", () => {
    const bytes = encodeUtf8("d8:intervali1800e5:peers6:iiiipp6:peers618:iiiiiiiiiiiiiiiippe")
    const outcome = parseHttpAnswer(bytes)
    expect(outcome).toEqual({
      kind: "answered",
      answer: {
        interval: 1800,
        peers: [
          { host: "105.105.105.105", port: 0x7070 },
          { host: "6969:6969:6969:6969:6969:6969:6969:6969", port: 0x7070 },
        ],
      },
    })
  })

  it("gives peers of the old dictionary form, IPv6 among them, and leaves names out", () => {
    const peer = (ip: BencodeInput, port: BencodeInput) => ({ "peer id": PEER_ID, ip, port })
    const peers = [
      peer("203.0.113.9", 6881),
      peer("::ffff:203.0.113.10", 7),
      peer("2001:DB8:0::1", 65535),
      peer("peer.example", 6881),
      peer("203.0.113.11", 0),
      peer("203.0.113.11", 65536),
      peer("203.0.113.11", -1),
      peer("203.0.113.11", "80"),
      peer("0203.0.113.11", 80),
      peer(7, 80),
      "junk",
      7,
      [],
    ]
    expect(answered({ peers }).peers).toEqual([
      { host: "203.0.113.9", port: 6881 },
      { host: "203.0.113.10", port: 7 },
      { host: "2001:db8::1", port: 65535 },
    ])
  })

  it("never leads to addresses where no peer is", () => {
    const nowhere = [
      "0.0.0.0:1",
      "0.1.2.3:1",
      "224.0.0.1:1",
      "255.255.255.255:1",
      "169.254.169.254:80",
      "203.0.113.9:0",
    ]
    expect(answered({ peers: compact(...nowhere, "127.0.0.1:9", "192.168.1.2:9") }).peers).toEqual([
      { host: "127.0.0.1", port: 9 },
      { host: "192.168.1.2", port: 9 },
    ])
  })

  it("ignores half a peer at the end, and more peers than anyone asked for", () => {
    expect(answered({ peers: compact("203.0.113.9:6881").subarray(0, 5) }).peers).toEqual([])
    const flood = new Uint8Array(6 * 100_000).fill(0x55)
    expect(answered({ peers: flood }).peers).toHaveLength(MAX_PEERS)
  })

  it("takes numbers written as strings, and none that mean nothing", () => {
    expect(answered({ interval: "900", complete: -5, incomplete: 2n ** 70n, "min interval": [] })).toEqual({
      interval: 900,
      peers: [],
    })
  })

  it("is a failure with the tracker's reason and its wish for a retry", () => {
    expect(refusal({ "failure reason": "Invalid info_hash (0 - )" })).toEqual({
      kind: "failed",
      message: "Invalid info_hash (0 - )",
    })
    expect(refusal({ "failure reason": "Overloaded", "retry in": "5" })?.retry).toBe(300_000)
    expect(refusal({ "failure reason": "Overloaded", "retry in": 5 })?.retry).toBe(300_000)
    expect(refusal({ "failure reason": "Not a tracker", "retry in": "never" })?.retry).toBe("never")
    expect(refusal({ "failure reason": "", peers: "" })?.message).toBe("the tracker gave no reason")
    expect(refusal({ "failure reason": "x".repeat(10_000) })?.message).toHaveLength(300)
  })

  it("is a failure that says why when it is not a tracker's", () => {
    expect(refusal(encodeUtf8("<html>"))?.message).toMatch(/not bencode/)
    expect(refusal(new Uint8Array(0))?.message).toMatch(/empty/)
    expect(refusal(Uint8Array.from([0x1f, 0x8b, 8]))?.message).toMatch(/gzip/)
    expect(refusal([])?.message).toMatch(/not a dictionary/)
    expect(refusal({})?.message).toMatch(/neither peers nor an interval/)
    expect(refusal(encodeUtf8("l".repeat(10_000)))?.message).toMatch(/nested too deep/)
  })
})
