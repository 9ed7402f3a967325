import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Endpoint } from "../../../src/ports/net.js"
import { EncryptionChoice } from "../../../src/torrent/finding/encryption-choice.js"
import { PeerBook, type PeerOrigin } from "../../../src/torrent/finding/peer-book.js"
import { PexFlag } from "../../../src/wire/pex-message.js"
import { seededRandom } from "../../support/seeded-random.js"

const peer = (n: number, port = 6881): Endpoint => ({ host: `10.0.${n >> 8}.${n & 255}`, port })
const name = (endpoint: Endpoint | undefined): string => `${endpoint?.host}:${endpoint?.port}`

const MINUTE = 60_000

function bookOf(origin: PeerOrigin, ...endpoints: Endpoint[]): PeerBook {
  const book = new PeerBook(seededRandom(1), new EncryptionChoice("allow"))
  for (const endpoint of endpoints) book.add(endpoint, origin, 0)
  return book
}

describe("the addresses of a torrent", () => {
  it("gives each out once, until its connection ended", () => {
    const book = bookOf("tracker", peer(1), peer(2), peer(1))
    expect(book.size).toBe(2)
    expect(new Set([name(book.next(0)), name(book.next(0))])).toEqual(new Set([name(peer(1)), name(peer(2))]))
    expect(book.next(0)).toBeUndefined()
    book.ended(peer(1), "useful", 0)
    expect(book.next(9_999)).toBeUndefined()
    expect(book.next(10_000)).toEqual(peer(1))
  })

  it("tries those of the highest priority first among equals, whenever they were named", () => {
    const book = bookOf("tracker", peer(1), peer(2), peer(3))
    const priority = (endpoint: Endpoint): number => Number(endpoint.host.split(".")[3])
    book.prefer(priority)
    book.add(peer(9), "tracker", 0)
    expect([book.next(0), book.next(0)]).toEqual([peer(9), peer(3)])
    book.prefer((endpoint) => 10 - priority(endpoint))
    expect(book.next(0)).toEqual(peer(1))
    book.ended(peer(9), "failed", 0)
    book.ended(peer(3), "useful", 0)
    book.prefer(priority)
    // What failed comes last, whatever its priority.
    expect([book.next(MINUTE), book.next(MINUTE), book.next(MINUTE)]).toEqual([peer(3), peer(2), peer(9)])
  })

  it("leaves to chance those whose priority can't be said", () => {
    const firsts = new Set<string>()
    for (let seed = 0; seed < 50; seed++) {
      const book = new PeerBook(seededRandom(seed), new EncryptionChoice("allow"))
      for (const n of [1, 2]) book.add(peer(n), "tracker", 0)
      book.prefer((endpoint) => (endpoint.host === peer(1).host ? 2 ** 31 : undefined))
      firsts.add(name(book.next(0)))
    }
    expect(firsts.size).toBe(2)
  })

  it("leaves out who is said to want nothing while we only give", () => {
    const book = bookOf("tracker", peer(1))
    book.add(peer(1), "pex", 0, { flags: PexFlag.uploadOnly })
    book.add(peer(2), "pex", 0, { flags: PexFlag.utp })
    expect([book.next(0, { giving: true }), book.next(0, { giving: true })]).toEqual([peer(2), undefined])
    expect(book.next(0)).toEqual(peer(1))
    expect([book.flags(peer(1)), book.flags(peer(2)), book.flags(peer(3))]).toEqual([2, 4, 0])
  })

  it("begins encrypted with who is said to prefer it, and turns if that is not so", () => {
    const book = bookOf("pex", peer(1))
    book.add(peer(2), "pex", 0, { flags: PexFlag.prefersEncryption })
    expect([book.encrypts(peer(1)), book.encrypts(peer(2))]).toEqual([false, true])
    book.ended(peer(2), "refused", 0)
    expect(book.encrypts(peer(2))).toBe(false)
  })

  it("tells ports of one host apart", () => {
    expect(bookOf("tracker", peer(1, 1000), peer(1, 1001)).size).toBe(2)
  })

  it("waits longer after each failure, and gives up after three", () => {
    const book = bookOf("tracker", peer(1))
    let now = 0
    for (const failures of [1, 2]) {
      expect(book.next(now)).toEqual(peer(1))
      book.ended(peer(1), "failed", now)
      expect(book.next(now + failures * MINUTE - 1)).toBeUndefined()
      now += failures * MINUTE
    }
    expect(book.next(now)).toEqual(peer(1))
    expect(book.hopeful).toBe(true)
    book.ended(peer(1), "failed", now)
    expect(book.next(now + 100 * MINUTE)).toBeUndefined()
    expect(book.hopeful).toBe(false)
  })

  it("tries one that it gave up again when it is named again, once", () => {
    const book = bookOf("tracker", peer(1))
    for (let now = 0; now <= 3 * MINUTE; now += MINUTE) if (book.next(now)) book.ended(peer(1), "failed", now)
    expect(book.next(60 * MINUTE)).toBeUndefined()
    book.add(peer(1), "tracker", 60 * MINUTE)
    expect(book.hopeful).toBe(true)
    expect(book.next(60 * MINUTE)).toEqual(peer(1))
    book.ended(peer(1), "failed", 60 * MINUTE)
    expect(book.next(120 * MINUTE)).toBeUndefined()
  })

  it("tries again and again where somebody was before, while nobody else is there, and hopes for an hour", () => {
    const book = bookOf("tracker", peer(1), peer(2))
    const known = book.next(0)!
    book.ended(known, "useful", 0)
    let now = 0
    for (let tries = 1; tries <= 30; tries++) {
      expect(book.hopeful).toBe(tries <= 20)
      now += 3 * MINUTE
      const tried = [book.next(now, { alone: true }), book.next(now, { alone: true })].filter(
        (each) => each !== undefined,
      )
      if (tries <= 3) expect(tried).toHaveLength(2)
      else expect(tried).toEqual([known])
      for (const each of tried) book.ended(each, "failed", now)
    }
    expect(book.next(now + 3 * MINUTE)).toBeUndefined()
    expect(book.next(now + 3 * MINUTE - 1, { alone: true })).toBeUndefined()
  })

  it("tries all that were given up once more when somebody was reached, each after its wait", () => {
    const book = bookOf("tracker", peer(1), peer(2))
    for (const now of [0, MINUTE, 3 * MINUTE]) {
      for (let next = book.next(now); next !== undefined; next = book.next(now)) book.ended(next, "failed", now)
    }
    book.forgive()
    expect(book.next(6 * MINUTE - 1)).toBeUndefined()
    const tried = [book.next(6 * MINUTE)!, book.next(6 * MINUTE)!]
    expect(new Set(tried.map(name)).size).toBe(2)
    for (const each of tried) book.ended(each, "failed", 6 * MINUTE)
    expect(book.next(100 * MINUTE)).toBeUndefined()
  })

  it("never gives up one that the user named, and tries it sooner", () => {
    const book = bookOf("tracker", peer(1))
    book.add(peer(1), "user", 0)
    let now = 0
    for (let failures = 1; failures <= 10; failures++) {
      expect(book.next(now)).toEqual(peer(1))
      book.ended(peer(1), "failed", now)
      now += failures * 5_000
    }
    expect(book.hopeful).toBe(true)
  })

  it("tries one that is there and does not answer the other way at once, then waits as for others", () => {
    const book = bookOf("tracker", peer(1))
    expect(book.next(0)).toEqual(peer(1))
    expect(book.encrypts(peer(1))).toBe(false)
    book.ended(peer(1), "refused", 10)
    expect(book.next(10)).toEqual(peer(1))
    expect(book.encrypts(peer(1))).toBe(true)
    book.ended(peer(1), "refused", 20)
    expect(book.next(20 + MINUTE - 1)).toBeUndefined()
    expect(book.next(20 + MINUTE)).toEqual(peer(1))
    expect(book.encrypts(peer(1))).toBe(false)
    book.ended(peer(1), "refused", 2 * MINUTE)
    expect(book.next(4 * MINUTE - 1)).toBeUndefined()
    expect(book.next(4 * MINUTE)).toEqual(peer(1))
    expect(book.encrypts(peer(1))).toBe(true)
    book.answered(peer(1))
    book.ended(peer(1), "useful", 5 * MINUTE)
    expect(book.next(6 * MINUTE)).toEqual(peer(1))
    expect(book.encrypts(peer(1))).toBe(true)
  })

  it("does not try one that is not there the other way", () => {
    const book = bookOf("tracker", peer(1))
    book.next(0)
    book.ended(peer(1), "failed", 0)
    expect(book.next(MINUTE - 1)).toBeUndefined()
    expect(book.next(MINUTE)).toEqual(peer(1))
    expect(book.encrypts(peer(1))).toBe(false)
  })

  it("forgets the failures of one that was reached", () => {
    const book = bookOf("tracker", peer(1))
    for (const outcome of ["failed", "failed", "useful", "failed"] as const) {
      book.next(100 * MINUTE)
      book.ended(peer(1), outcome, 0)
    }
    expect(book.next(MINUTE)).toEqual(peer(1))
  })

  it("waits longer and longer, up to three minutes, for one that answers and brings nothing, and never gives it up", () => {
    const book = bookOf("tracker", peer(1))
    let now = 0
    for (const minutes of [1, 2, 3, 3, 3]) {
      expect(book.next(now)).toEqual(peer(1))
      book.ended(peer(1), "idle", now)
      now += minutes * MINUTE
      expect(book.next(now - 1)).toBeUndefined()
    }
    expect(book.hopeful).toBe(true)
  })

  it("leaves one that wants nothing alone until we want something", () => {
    const book = bookOf("tracker", peer(1))
    book.next(0)
    book.ended(peer(1), "satisfied", 0)
    book.add(peer(1), "tracker", MINUTE)
    expect(book.next(1000 * MINUTE)).toBeUndefined()
    book.reconsider()
    expect(book.next(1000 * MINUTE)).toEqual(peer(1))
  })

  it("gives out no address of a peer that is connected some other way", () => {
    const book = bookOf("tracker", peer(1))
    expect(book.claim(peer(1))).toBe(true)
    expect(book.claim(peer(1))).toBe(false)
    expect(book.claim(peer(2))).toBe(false)
    expect(book.next(MINUTE)).toBeUndefined()
    book.ended(peer(1), "useful", MINUTE)
    expect(book.next(2 * MINUTE)).toEqual(peer(1))
  })

  it("takes first those that failed least", () => {
    const book = bookOf("tracker", peer(1), peer(2), peer(3))
    const failed = book.next(0)!
    book.ended(failed, "failed", 0)
    const order = [book.next(MINUTE), book.next(MINUTE), book.next(MINUTE)].map(name)
    expect(order[2]).toBe(name(failed))
  })

  it("draws fairly among equals", () => {
    const book = new PeerBook(seededRandom(7), new EncryptionChoice("allow"))
    for (let n = 0; n < 4; n++) book.add(peer(n), "tracker", 0)
    const drawn = new Map<string, number>()
    for (let now = 0; now < 4000 * 10_000; now += 10_000) {
      const next = book.next(now)!
      drawn.set(name(next), (drawn.get(name(next)) ?? 0) + 1)
      book.ended(next, "useful", now)
    }
    for (let n = 0; n < 4; n++) {
      expect(drawn.get(name(peer(n)))).toBeGreaterThan(850)
      expect(drawn.get(name(peer(n)))).toBeLessThan(1150)
    }
  })

  it("leaves one that leads to ourselves alone for good, whatever became of the connection", () => {
    const book = bookOf("user", peer(1))
    expect(book.next(0)).toEqual(peer(1))
    book.forget(peer(1))
    book.ended(peer(1), "failed", 0)
    book.add(peer(1), "tracker", 100 * MINUTE)
    expect(book.next(1000 * MINUTE)).toBeUndefined()
    expect(book.hopeful).toBe(false)
  })

  it("bans one address at first, and its whole host at the third", () => {
    const book = bookOf("tracker", peer(1, 1), peer(1, 2), peer(1, 3), peer(1, 4), peer(2))
    book.ban(peer(1, 1))
    book.ban(peer(1, 1))
    book.ban(peer(1, 2))
    expect(book.isBanned(peer(1, 2))).toBe(true)
    expect(book.isBanned(peer(1, 4))).toBe(false)
    book.ban(peer(1, 3))
    expect(book.isBanned(peer(1, 4))).toBe(true)
    expect(book.isBanned(peer(2))).toBe(false)
    expect(book.next(0)).toEqual(peer(2))
    expect(book.next(0)).toBeUndefined()
  })

  it("is without hope when all are banned", () => {
    const book = bookOf("user", peer(1))
    book.ban(peer(1))
    expect(book.hopeful).toBe(false)
  })

  it("remembers 2000 at most; a failed one makes room, one in use or named by the user does not", () => {
    const book = new PeerBook(seededRandom(1), new EncryptionChoice("allow"))
    book.add(peer(0), "user", 0)
    expect(book.next(0)).toEqual(peer(0))
    book.ended(peer(0), "failed", 0)
    for (let n = 1; n < 2500; n++) book.add(peer(n), "tracker", 0)
    expect(book.size).toBe(2000)
    const failed = book.next(0)!
    const busy = book.next(0)!
    book.ended(failed, "failed", 0)
    book.add(peer(9000), "tracker", 0)
    book.add(peer(9001), "tracker", 0)
    expect(book.size).toBe(2000)
    const rest: string[] = []
    for (let next = book.next(MINUTE); next !== undefined; next = book.next(MINUTE)) rest.push(name(next))
    expect(rest).toContain(name(peer(9000)))
    expect(rest).toContain(name(peer(0)))
    expect(rest).not.toContain(name(peer(9001)))
    expect(rest).not.toContain(name(failed))
    expect(rest).not.toContain(name(busy))
  })

  it("has room for those that trackers name, however many peers have named", () => {
    const book = new PeerBook(seededRandom(1), new EncryptionChoice("allow"))
    for (let n = 0; n < 2500; n++) book.add(peer(n), "pex", 0)
    const busy = book.next(0)!
    for (let n = 3000; n < 3010; n++) book.add(peer(n), "tracker", 0)
    book.add(peer(4000), "pex", 0)
    expect(book.size).toBe(2000)
    const known = book.endpoints().map(name)
    for (let n = 3000; n < 3010; n++) expect(known).toContain(name(peer(n)))
    expect(known).toContain(name(busy))
    expect(known).not.toContain(name(peer(4000)))
  })

  it("never gives out one that is in use, banned, or to be waited for", () => {
    const step = fc.record({
      action: fc.constantFrom("add", "next", "next", "fail", "serve", "ban", "forget", "wait"),
      n: fc.nat(5),
      wait: fc.integer({ min: 0, max: 100_000 }),
    })
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 100 }), (seed, steps) => {
        const book = new PeerBook(seededRandom(seed), new EncryptionChoice("allow"))
        const busy = new Set<string>()
        const blocked = new Set<string>()
        const notBefore = new Map<string, number>()
        let now = 0
        for (const { action, n, wait } of steps) {
          const endpoint = peer(n)
          const key = name(endpoint)
          if (action === "add") book.add(endpoint, n === 0 ? "user" : "tracker", now)
          else if (action === "wait") now += wait
          else if (action === "ban" || action === "forget") {
            // What is not known can't be forgotten.
            book.add(endpoint, "tracker", now)
            book[action](endpoint)
            blocked.add(key)
          } else if (action === "next") {
            const next = book.next(now)
            if (next === undefined) continue
            expect(busy.has(name(next))).toBe(false)
            expect(blocked.has(name(next))).toBe(false)
            expect(now).toBeGreaterThanOrEqual(notBefore.get(name(next)) ?? 0)
            busy.add(name(next))
          } else if (busy.delete(key)) {
            book.ended(endpoint, action === "serve" ? "useful" : "failed", now)
            notBefore.set(key, now + (action === "serve" ? 10_000 : 5_000))
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it("begins with the v2 infohash where that was asked for, until it is refused", () => {
    const book = bookOf("tracker", peer(1), peer(2))
    book.add(peer(2), "tracker", 0, { v2: true })
    expect([peer(1), peer(2), peer(3)].map((endpoint) => book.beginsWithV2(endpoint))).toEqual([false, true, false])
    book.ended(peer(2), "failed", 0)
    expect(book.beginsWithV2(peer(2))).toBe(true)
    book.ended(peer(2), "refused", 0)
    expect(book.beginsWithV2(peer(2))).toBe(false)
  })

  it.each(["off", "require"] as const)("tries the other infohash at once, but once: encryption %s", (policy) => {
    const book = new PeerBook(seededRandom(1), new EncryptionChoice(policy))
    book.add(peer(1), "tracker", 0, { v2: true })
    for (const isDue of [true, false]) {
      expect(book.next(0)).toEqual(peer(1))
      book.ended(peer(1), "refused", 0)
      expect(book.hasDue(0)).toBe(isDue)
    }
  })
})
