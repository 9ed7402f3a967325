import { describe, expect, it } from "vitest"
import { idealSeconds, playScene, type Scene } from "./lib/sim-scene.js"

const KiB = 1024
const MiB = 1024 * KiB
const LENGTH = 16 * MiB
/** Of the time that the sum of all rates would need: the start, the end and the bytes of the protocol. */
const NEARLY_IDEAL = 1.15
/** Seconds: peers are asked for a second ahead, and at the end that is not all divided anew. */
const TAIL = 0.5
/** Bytes a second. */
const FAST = 1_000_000
const MIDDLING = 300_000
const SLOW = 10_000
const PIECE_LENGTHS = [256 * KiB, 4 * MiB]

const many = (count: number, up: number, latency = 50) => Array.from({ length: count }, () => ({ up, latency }))

describe.each(PIECE_LENGTHS)("with pieces of %i bytes", (pieceLength) => {
  const play = (scene: Omit<Scene, "length" | "pieceLength">) => playScene({ length: LENGTH, pieceLength, ...scene })

  it.each([1, 2])(
    "twelve slow peers do not keep a fast one from its rate, nor hold up the end (seed %i)",
    async (seed) => {
      const { seconds, wasted } = await play({ seed, peers: [...many(12, SLOW), { up: FAST, latency: 25 }] })
      expect(seconds).toBeLessThan((NEARLY_IDEAL * LENGTH) / (FAST + 12 * SLOW))
      expect(wasted).toBeLessThan(0.05 * LENGTH)
    },
  )

  it.each([1, 2])(
    "twelve slow peers do not keep a fast web seed from its rate, nor hold up the end (seed %i)",
    async (seed) => {
      const { seconds, wasted } = await play({ seed, peers: many(12, SLOW), web: { up: FAST, latency: 25 } })
      expect(seconds).toBeLessThan((NEARLY_IDEAL * LENGTH) / (FAST + 12 * SLOW))
      expect(wasted).toBeLessThan(0.15 * LENGTH)
    },
  )

  it.each([
    ["hardly anything", 20_000],
    ["as much as a peer", MIDDLING],
    ["as much as all peers", 3 * MIDDLING],
    ["more than all peers", 10 * MIDDLING],
  ])(
    "three peers and a web seed that gives %s are as fast as their sum, and faster than either alone",
    async (_, up) => {
      const web = { up, latency: 25 }
      const peers = many(3, MIDDLING)
      const both = await play({ peers, web })
      expect(both.seconds).toBeLessThan((NEARLY_IDEAL * LENGTH) / (up + 3 * MIDDLING) + TAIL)
      const alone = await play(up > 3 * MIDDLING ? { web } : { peers })
      expect(both.seconds).toBeLessThanOrEqual(alone.seconds)
    },
  )

  it.each<[string, Pick<Scene, "peers" | "web">]>([
    [
      "peers",
      {
        peers: [
          { up: FAST, latency: 25 },
          { up: FAST, latency: 100 },
        ],
      },
    ],
    ["a peer and a web seed", { peers: many(1, FAST, 25), web: { up: FAST, latency: 100 } }],
    ["a web seed and a peer", { peers: many(1, FAST, 100), web: { up: FAST, latency: 25 } }],
  ])("%s that are 50 ms and 200 ms away both give their rate", async (_, sources) => {
    const { seconds } = await play(sources)
    expect(seconds).toBeLessThan((NEARLY_IDEAL * LENGTH) / (2 * FAST))
  })

  it("a loss of 1 % costs less than a fifth, to peers and a web seed", async () => {
    const [none, some] = await Promise.all(
      [0, 0.01].map((loss) =>
        play({
          peers: [
            { up: MIDDLING, latency: 50, loss },
            { up: FAST, latency: 25, loss },
          ],
          web: { up: FAST, latency: 40, loss },
        }),
      ),
    )
    expect(some!.seconds).toBeLessThan(none!.seconds / 0.8)
  })

  describe("a web seed beside two peers", () => {
    const peers = many(2, MIDDLING)
    const web = { up: FAST, latency: 25 }
    const all = FAST + 2 * MIDDLING
    const lame = 2 * MIDDLING

    it("that hardly moves after 3 s holds up nobody", async () => {
      const fault = (elapsed: () => number) => ({ bytesPerSecond: () => (elapsed() < 3000 ? FAST : 2_000) })
      const { seconds } = await play({ peers, web, fault })
      expect(seconds).toBeLessThan(
        NEARLY_IDEAL *
          idealSeconds(LENGTH, [
            [all, 3],
            [lame, 600],
          ]),
      )
    })

    it("that falls silent after 3 s holds up nobody", async () => {
      const { seconds } = await play({ peers, web, events: [[3000, (host) => host.cutOff()]] })
      expect(seconds).toBeLessThan(
        NEARLY_IDEAL *
          idealSeconds(LENGTH, [
            [all, 3],
            [lame, 600],
          ]),
      )
    })

    it("that slows down and recovers gives its rate again", async () => {
      const slow = (at: number) => at > 3000 && at < 9000
      const fault = (elapsed: () => number) => ({ bytesPerSecond: () => (slow(elapsed()) ? 10_000 : FAST) })
      const { seconds } = await play({ peers, web, fault })
      expect(seconds).toBeLessThan(
        NEARLY_IDEAL *
          idealSeconds(LENGTH, [
            [all, 3],
            [lame, 9],
            [all, 600],
          ]),
      )
    })

    it("that cannot be reached for 6 s gives its rate again", async () => {
      const { seconds } = await play({
        peers,
        web,
        events: [
          [3000, (host) => host.cutOff()],
          [9000, (host) => host.comeBack()],
        ],
      })
      expect(seconds).toBeLessThan(
        NEARLY_IDEAL *
          idealSeconds(LENGTH, [
            [all, 3],
            [lame, 9],
            [all, 600],
          ]),
      )
    })

    it("that breaks off, and then resets what is asked of it for 5 s, gives its rate again within 4 s", async () => {
      const fault = (elapsed: () => number) =>
        elapsed() < 500 ? { cutAfter: MiB } : elapsed() < 7000 ? "reset" : undefined
      const { seconds } = await play({ peers, web, fault })
      expect(seconds).toBeLessThan(
        NEARLY_IDEAL *
          idealSeconds(LENGTH, [
            [all, 2],
            [lame, 11],
            [all, 600],
          ]),
      )
    })
  })
})
