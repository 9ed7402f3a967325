import { describe, expect, it } from "vitest"
import type { Answer, SeenRequest } from "../support/scripted-http.js"
import { WebSeedBench } from "../support/web-seed-bench.js"

const HOUR = 3_600_000
const PIECE = 16_384
const SIZE = 1_000_000

interface Behaviour {
  /** What the server does to every request. */
  readonly answer: (request: SeenRequest, count: number, bench: WebSeedBench) => Answer | undefined
  /** How it ends: all pieces there, the source left alone for good, or still asked now and then. */
  readonly ends: "complete" | "disabled" | "waiting"
  /** What the reason says, unless it ends well. */
  readonly reason?: string
}

const gzip = { "content-encoding": "gzip" }

/** A partial answer with other headers; undefined removes one. */
function changed(bench: WebSeedBench, request: SeenRequest, headers: Record<string, string | undefined>): Answer {
  const answer = bench.partial(request)
  const merged = { ...answer.headers, ...headers }
  return {
    ...answer,
    headers: Object.fromEntries(Object.entries(merged).filter((entry): entry is [string, string] => !!entry[1])),
  }
}

function wrong(answer: Answer): Answer {
  return { ...answer, body: answer.body!.map((byte) => byte ^ 0x55) }
}

const behaviours: Record<string, Behaviour> = {
  "an honest server": { answer: () => undefined, ends: "complete" },
  "no ranges": { answer: (request, _, bench) => bench.whole(request), ends: "complete" },
  "ranges only sometimes": {
    answer: (request, count, bench) => (count % 3 === 1 ? bench.whole(request) : undefined),
    ends: "complete",
  },
  "an error page with 200": {
    answer: () => ({ status: 200, headers: { "content-length": "512" }, body: new Uint8Array(512) }),
    ends: "disabled",
    reason: "512 bytes",
  },
  "an error page with 200 of unknown length": {
    answer: () => ({ status: 200, body: new Uint8Array(512).fill(60) }),
    ends: "disabled",
    reason: "512 bytes",
  },
  "an endless page with 200": {
    answer: () => ({ status: 200, body: new Uint8Array(SIZE + 500_000).fill(60), chunk: () => 16_000 }),
    ends: "disabled",
    reason: "hashes",
  },
  "wrong bytes": { answer: (request, _, bench) => wrong(bench.partial(request)), ends: "disabled", reason: "hashes" },
  "a wrong bit here and there": {
    answer: (request, _, bench) => {
      const answer = bench.partial(request)
      for (let at = 100_000 - (request.from % 100_000); at < answer.body!.length; at += 100_000) answer.body![at]! ^= 1
      return answer
    },
    ends: "disabled",
    reason: "hashes",
  },
  "206 without Content-Range": {
    answer: (request, _, bench) => changed(bench, request, { "content-range": undefined }),
    ends: "disabled",
    reason: "Content-Range",
  },
  "206 from another place": {
    answer: (request, _, bench) => changed(bench, request, { "content-range": `bytes 1-${request.to}/${SIZE + 1}` }),
    ends: "disabled",
    reason: "1000001 bytes",
  },
  "206 always from the beginning": {
    answer: (request, _, bench) => bench.partial(request, {}, 0, 100),
    ends: "disabled",
    reason: "bytes 0-99",
  },
  "206 in several parts": {
    answer: (request, _, bench) =>
      changed(bench, request, { "content-range": undefined, "content-type": "multipart/byteranges; boundary=x" }),
    ends: "disabled",
    reason: "Content-Range",
  },
  "206 with lengths that contradict": {
    answer: (request, _, bench) => changed(bench, request, { "content-length": "7" }),
    ends: "disabled",
    reason: "differ",
  },
  "206 that is empty": {
    answer: (request, _, bench) => ({ ...bench.partial(request), body: new Uint8Array() }),
    ends: "disabled",
    reason: "empty",
  },
  "206 that is always short": {
    answer: (request, _, bench) =>
      bench.partial(request, {}, request.from, Math.min(request.to, request.from + 70_000)),
    ends: "complete",
  },
  "206 of a byte at a time": {
    answer: (request, _, bench) => bench.partial(request, {}, request.from, request.from + 1),
    ends: "waiting",
    reason: "ended early",
  },
  "206 that is too long": {
    answer: (request, _, bench) => {
      const answer = bench.partial(request)
      return { ...answer, body: new Uint8Array([...answer.body!, ...new Uint8Array(50_000)]) }
    },
    ends: "complete",
  },
  "206 of a file of another size": {
    answer: (request, _, bench) => changed(bench, request, { "content-range": `bytes 0-${request.to - 1}/5` }),
    ends: "disabled",
    reason: "5 bytes instead of",
  },
  "206 that is compressed": {
    answer: (request, _, bench) => changed(bench, request, { ...gzip, "content-length": undefined }),
    ends: "disabled",
    reason: "encoded (gzip)",
  },
  "206 and another ETag each time": {
    answer: (request, count, bench) =>
      bench.partial(request, { etag: `"${count}"` }, request.from, Math.min(request.to, request.from + 70_000)),
    ends: "complete",
  },
  "204": { answer: () => ({ status: 204 }), ends: "disabled", reason: "204" },
  "304": { answer: () => ({ status: 304 }), ends: "disabled", reason: "304" },
  "401": { answer: () => ({ status: 401 }), ends: "disabled", reason: "401" },
  "403": { answer: () => ({ status: 403 }), ends: "disabled", reason: "403" },
  "404": { answer: () => ({ status: 404 }), ends: "disabled", reason: "404" },
  "410": { answer: () => ({ status: 410 }), ends: "disabled", reason: "410" },
  "416": {
    answer: () => ({ status: 416, headers: { "content-range": "bytes */0" } }),
    ends: "disabled",
    reason: "0 bytes instead of",
  },
  "429 for ever": { answer: () => ({ status: 429 }), ends: "waiting", reason: "429" },
  "503 for a year": {
    answer: () => ({ status: 503, headers: { "retry-after": "31536000" } }),
    ends: "waiting",
    reason: "503",
  },
  "503 with a strange Retry-After": {
    answer: () => ({ status: 503, headers: { "retry-after": "-1e99; DROP TABLE" } }),
    ends: "waiting",
    reason: "503",
  },
  "503 every other time": {
    answer: (_, count) => (count % 2 === 0 ? { status: 503, headers: { "retry-after": "0" } } : undefined),
    ends: "complete",
  },
  "500": { answer: () => ({ status: 500 }), ends: "waiting", reason: "500" },
  "no answer": { answer: () => ({ ending: "nothing" }), ends: "waiting", reason: "timeout" },
  "a head and then nothing": {
    answer: (request, _, bench) => ({ ...bench.partial(request), body: new Uint8Array(), ending: "nothing" }),
    ends: "waiting",
    reason: "timeout",
  },
  "a refused connection": { answer: () => ({ ending: "network" }), ends: "waiting", reason: "network" },
  "a connection that breaks in the middle": {
    answer: (request, _, bench) => {
      const answer = bench.partial(request)
      return { ...answer, body: answer.body!.slice(0, 30_000), ending: "network" }
    },
    ends: "complete",
  },
  "something that is not HTTP": { answer: () => ({ ending: "malformed" }), ends: "disabled", reason: "malformed" },
  "a bad certificate": { answer: () => ({ ending: "tls" }), ends: "disabled", reason: "scripted tls" },
  "redirects without end": { answer: () => ({ ending: "redirect" }), ends: "disabled", reason: "redirect" },
  "a redirect into our network": {
    answer: () => ({ ending: "unsafe-address" }),
    ends: "disabled",
    reason: "unsafe-address",
  },
}

/** Fetches all pieces from the source alone, as a torrent would, until it has them, may not, or a day has passed. */
async function fetchAll(bench: WebSeedBench): Promise<{ have: Set<number>; corrupt: number }> {
  const { layout } = bench.metainfo
  const have = new Set<number>()
  let corrupt = 0
  while (have.size < layout.pieceCount && bench.clock.now() < 24 * HOUR && bench.seed.state.kind !== "disabled") {
    await bench.waitOver()
    let first = 0
    while (have.has(first) || !bench.seed.hasPiece(first)) first++
    const taken = bench.start(layout.pieceOffset(first), layout.length, (_, session) => {
      // The source is left as soon as it is known to be bad, in the middle of its run.
      if (bench.seed.state.kind === "disabled") session.abort()
      let piece = first + Math.floor(verified / PIECE)
      for (
        ;
        layout.pieceOffset(piece) + layout.pieceSize(piece) <= session.position && piece < layout.pieceCount;
        piece++
      ) {
        const bytes = taken.bytes().subarray(verified, verified + layout.pieceSize(piece))
        const good = bench.content.subarray(layout.pieceOffset(piece), layout.pieceOffset(piece) + bytes.length)
        verified += PIECE
        if (Buffer.compare(bytes, good) === 0) have.add(piece)
        else if (bench.seed.state.kind !== "disabled") {
          corrupt++
          bench.seed.pieceCorrupt(piece)
        }
      }
      if (bench.seed.state.kind === "disabled") session.abort()
    })
    let verified = 0
    await bench.clock.runUntil(() => taken.outcome() !== "open" || bench.seed.state.kind === "disabled", 24 * HOUR)
    taken.session.abort()
  }
  return { have, corrupt }
}

describe("a web seed with", () => {
  it.each(Object.entries(behaviours))("%s", async (_, { answer, ends, reason }) => {
    const bench = new WebSeedBench({ files: [{ length: SIZE }], pieceLength: PIECE, answer })
    const { have, corrupt } = await fetchAll(bench)

    const { state } = bench.seed
    const end = have.size === bench.metainfo.layout.pieceCount ? "complete" : state.kind
    expect(end).toBe(ends)
    if (reason !== undefined) expect("reason" in state && state.reason).toContain(reason)
    expect(corrupt).toBeLessThanOrEqual(3)
    // Polite also in a day of trouble: once an hour or so to those who say "not now", once a minute to dead networks.
    expect(bench.http.seen.length).toBeLessThan(24 * 60 * 5)
    await bench.clock.run(30_000)
    expect(bench.seed.concurrency.active).toBe(0)
    expect(bench.clock.pendingTimers).toBe(0)
  })
})
