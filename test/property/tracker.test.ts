import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type BencodeInput, encode } from "../../src/metainfo/bencode.js"
import { parseHttpAnswer } from "../../src/tracker/http-announce.js"
import { parseHttpScrape } from "../../src/tracker/http-scrape.js"
import { MAX_PEERS } from "../../src/tracker/peer-list.js"
import { TrackerSchedule } from "../../src/tracker/schedule.js"
import { TierList } from "../../src/tracker/tier-list.js"
import { parseTrackerUrl } from "../../src/tracker/tracker-url.js"
import { SimRandom } from "../sim/lib/sim-random.js"
import { anyText } from "../support/any-text.js"

/** The types of all fields, with values that make sense, that do not, and of other types. */
const anything = fc.letrec<{ value: BencodeInput }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
      fc.integer({ min: -2, max: 70_000 }),
    ),
    fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constantFrom("never", "5", "", "1.2.3.4", "::1")),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom("ip", "port", "x"), tie("value"), { maxKeys: 3 }),
  ),
})).value

const keys = [
  "peers",
  "peers6",
  "interval",
  "min interval",
  "complete",
  "incomplete",
  "failure reason",
  "retry in",
  "warning message",
  "tracker id",
  "external ip",
  "files",
]
const answers = fc.dictionary(fc.constantFrom(...keys), anything, { maxKeys: 8 })

function check(body: Uint8Array): void {
  const outcome = parseHttpAnswer(body)
  if (outcome.kind === "failed") {
    expect(outcome.message).not.toBe("")
    if (typeof outcome.retry === "number") expect(outcome.retry).toBeGreaterThanOrEqual(0)
    return
  }
  const { peers, interval = 0, minInterval = 0, seeds = 0, leechers = 0 } = outcome.answer
  for (const number of [interval, minInterval, seeds, leechers]) {
    expect(Number.isSafeInteger(number) && number >= 0).toBe(true)
  }
  expect(peers.length).toBeLessThanOrEqual(MAX_PEERS)
  for (const { host, port } of peers) {
    expect(Number.isInteger(port) && port > 0 && port < 65_536).toBe(true)
    expect(host).toMatch(/^[0-9a-f.:]+$/)
    expect(host).not.toMatch(/^(0\.|169\.254\.|22[4-9]\.|2[3-5]\d\.|ff..:|fe[89ab].:)/)
  }
}

describe("a tracker's answer, whatever it is", () => {
  it("is peers that can be and numbers that mean something, or a failure with a reason", () => {
    fc.assert(fc.property(answers, (answer) => check(encode(answer))))
  })

  it("may be cut, damaged or junk", () => {
    const damaged = fc.tuple(answers, fc.nat(), fc.nat(), fc.nat({ max: 255 })).map(([answer, cut, at, byte]) => {
      const body = encode(answer)
      body[at % body.length] = byte
      return body.subarray(0, cut % (body.length + 1))
    })
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (body) => {
        check(body)
        parseHttpScrape(body, new Uint8Array(20))
      }),
    )
  })
})

describe("a tracker's URL, whatever it is", () => {
  it("leads to http, https and udp alone", () => {
    const scheme = fc.constantFrom("http://", "https://", "udp://", "ftp://", "file:///", "javascript:", "")
    // fast-check's own authorities take two seconds to be made.
    const name = fc.array(fc.constantFrom("a", "tracker", "-", "xn--bcher-kva", "ü", "1", "%41", "\u3002"), {
      maxLength: 4,
    })
    const host = fc.oneof(
      name.map((labels) => labels.join(".")),
      fc.constantFrom("127.0.0.1", "0x7f.1", "[::1]", "[fe80::1]", "[::ffff:1.2.3.4]", "[x]", "localhost"),
    )
    const port = fc.oneof(
      fc.constantFrom("", ":", ":0", ":80", ":x", ":65535"),
      fc.nat(70_000).map((n) => `:${n}`),
    )
    const user = fc.oneof(
      fc.constantFrom("", "@", "user@", "user:pass@", "a@b@"),
      fc.string().map((name) => `${name}@`),
    )
    const authority = fc.tuple(user, host, port).map((parts) => parts.join(""))
    const rest = fc.oneof(anyText(), authority)
    fc.assert(
      fc.property(scheme, rest, fc.string(), (start, authority, path) => {
        const target = parseTrackerUrl(`${start}${authority}/${path}`)
        if (target.kind === "http") expect(new URL(target.url).protocol).toMatch(/^https?:$/)
        if (target.kind === "udp") expect(target.port > 0 && target.port < 65_536 && target.hostname !== "").toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe("a tracker that is slow", () => {
  it("gets company at the very moment for which that was planned, whatever the clock says", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (now) => {
        const random = new SimRandom("tiers")
        const make = () => ({
          tier: 0,
          schedule: new TrackerSchedule(random),
          askedAt: undefined as number | undefined,
        })
        const tiers = new TierList([make(), make()], { isPrivate: false, random })
        tiers.next(now)!.askedAt = now
        expect(tiers.next(now)).toBeUndefined()
        expect(tiers.next(tiers.wakeAt(now)!)).toBeDefined()
      }),
    )
  })
})
