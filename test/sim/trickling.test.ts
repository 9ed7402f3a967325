import { describe, expect, it } from "vitest"
import { playScene, type Scene } from "./lib/sim-scene.js"
import type { VirtualHost } from "./lib/virtual-network.js"

const KiB = 1024
const MiB = 1024 * KiB
const LENGTH = 16 * MiB
/** Of the time that the sum of all rates would need: the start, the end and the bytes of the protocol. */
const NEARLY_IDEAL = 1.05
/** Bytes a second. */
const FAST = 1_000_000
const SLOW = 20_000
const TRICKLE = 2_000
/** Seconds: a run that goes on elsewhere was watched for twenty at most, and has 4 MiB to come. */
const GIVEN_ON = 25

const fast = { up: FAST, latency: 25 }
const slow = { up: SLOW, latency: 25 }
const trickling = () => ({ bytesPerSecond: TRICKLE })
const tricklingLater = (elapsed: () => number) => ({ bytesPerSecond: () => (elapsed() < 6000 ? FAST : TRICKLE) })
/** In turns, 15 s each. */
const wavering = (elapsed: () => number) => ({
  bytesPerSecond: () => (elapsed() % 30_000 < 15_000 ? 5 * SLOW : TRICKLE),
})
const ideal = (rate: number) => (NEARLY_IDEAL * LENGTH) / rate

describe.each([256 * KiB, 4 * MiB])("with pieces of %i bytes, a web seed whose answers trickle", (pieceLength) => {
  const play = (scene: Omit<Scene, "length" | "pieceLength"> & { length?: number }) =>
    playScene({ length: LENGTH, pieceLength, ...scene })

  it.each([
    ["from the start", trickling],
    ["in the end", tricklingLater],
  ])("%s does not hold up a fast peer", async (_, fault) => {
    const { seconds, wasted } = await play({ peers: [fast], web: fast, fault })
    expect(seconds).toBeLessThan(ideal(FAST))
    expect(wasted).toBeLessThan(0.02 * LENGTH)
  })

  it.each([
    ["from the start", trickling],
    ["in the end", tricklingLater],
  ])("%s does not hold up a fast one", async (_, fault) => {
    const { seconds, wasted } = await play({ web: fast, otherWeb: fast, fault })
    expect(seconds).toBeLessThan(ideal(FAST) + GIVEN_ON)
    expect(wasted).toBeLessThan(0.01 * LENGTH)
  })

  it("on one connection is asked on another", async () => {
    let requests = 0
    const fault = () => (requests++ === 3 ? trickling() : undefined)
    const { seconds, wasted } = await play({ web: fast, fault })
    expect(seconds).toBeLessThan(ideal(FAST) + GIVEN_ON)
    expect(wasted).toBeLessThan(0.01 * LENGTH)
  })

  it.each([2, 3])("on %i connections at once, and is the only source, is asked on others", async (bad) => {
    let requests = 0
    const fault = () => (requests++ < bad ? trickling() : undefined)
    const { seconds, wasted } = await play({ web: fast, fault })
    expect(seconds).toBeLessThan(ideal(FAST) + 2 * GIVEN_ON)
    expect(wasted).toBeLessThan(0.01 * LENGTH)
  })

  it("on one connection after another is asked on others, ever more patiently", async () => {
    let requests = 0
    const fault = () => ([3, 4, 5].includes(requests++) ? trickling() : undefined)
    const { seconds, wasted } = await play({ web: fast, fault })
    expect(seconds).toBeLessThan(ideal(FAST) + 7 * GIVEN_ON)
    expect(wasted).toBeLessThan(0.01 * LENGTH)
  })

  it("and is the only source is asked anew ever more seldom", async () => {
    const { seconds, wasted, requests } = await play({ length: MiB, web: fast, fault: trickling })
    expect(seconds).toBeLessThan(MiB / TRICKLE + 1)
    expect(wasted).toBe(0)
    expect(requests).toBeLessThanOrEqual(10)
  })

  it("where it was fast before, and is the only source, is asked anew ever more seldom", async () => {
    const { wasted, requests } = await play({ length: 7 * MiB, web: fast, fault: tricklingLater })
    expect(wasted).toBe(0)
    expect(requests).toBeLessThanOrEqual(10)
  })

  it.each<[string, Pick<Scene, "peers" | "otherWeb">]>([
    ["a peer", { peers: [slow] }],
    ["another", { otherWeb: slow }],
  ])("no slower than %s changes nothing over and over", async (_, other) => {
    const { seconds, wasted, requests } = await play({ ...other, web: slow })
    expect(seconds).toBeLessThan(ideal(2 * SLOW))
    expect(wasted).toBeLessThan(0.01 * LENGTH)
    expect(requests).toBeLessThan(16)
  })

  it("now and then costs a slow one few requests and next to no bytes", async () => {
    const { wasted, requests } = await play({ web: fast, otherWeb: slow, fault: wavering })
    expect(wasted).toBeLessThan(0.01 * LENGTH)
    expect(requests).toBeLessThan(32)
  })
})

describe("a web seed that needs long for each answer", () => {
  const play = (scene: Omit<Scene, "length" | "pieceLength" | "fault">, delay: number) =>
    playScene({ length: LENGTH / 2, pieceLength: MiB, fault: () => ({ delay }), ...scene })

  it.each([25, 70])(
    "(%i s) and is the only source brings all, and is not asked twice for what it begins to send",
    async (seconds) => {
      const { requests, wasted } = await play({ web: fast }, seconds * 1000)
      // In runs of 1 MiB, after those that ran out of time.
      expect(requests).toBeLessThan(20)
      expect(wasted).toBe(0)
    },
  )

  it.each<[string, Pick<Scene, "peers" | "otherWeb">]>([
    ["peer", { peers: [fast] }],
    ["one", { otherWeb: fast }],
  ])("does not hold up a fast %s", async (_, other) => {
    const { seconds } = await play({ web: fast, ...other }, 100_000)
    expect(seconds).toBeLessThan(ideal(FAST) + GIVEN_ON)
  })
})

describe("with pieces of 32 MiB, peers that trickle", () => {
  const length = 64 * MiB
  const play = (scene: Omit<Scene, "length" | "pieceLength">) => playScene({ length, pieceLength: 32 * MiB, ...scene })
  const crawling = (count: number) => Array.from({ length: count }, () => ({ up: TRICKLE / 2, latency: 25 }))
  const turns = (at: number) => [
    [
      at,
      (host: VirtualHost) => {
        host.profile.up = TRICKLE / 2
      },
    ] as const,
  ]

  it("do not hold up the end of a fast one, twenty of them", async () => {
    const { seconds, wasted } = await play({ peers: [fast, ...crawling(20)] })
    expect(seconds).toBeLessThan((NEARLY_IDEAL * length) / FAST)
    expect(wasted).toBeLessThan(0.01 * length)
  })

  it("all at once hold up another for two seconds at most", async () => {
    const { seconds, wasted } = await play({ peers: [fast, fast], peerEvents: turns(20_000) })
    expect(seconds).toBeLessThan((length - 20 * FAST) / FAST + 2)
    expect(wasted).toBeLessThan(0.01 * length)
  })

  it("and hold blocks of what others have brought do not make a web seed fetch that anew", async () => {
    const scene = { peers: [fast, ...crawling(3)], web: fast, peerEvents: turns(32_000) }
    const { seconds, wasted } = await play(scene)
    expect(seconds).toBeLessThan(length / (2 * FAST) + 5)
    expect(wasted).toBeLessThan(0.03 * length)
  })
})
