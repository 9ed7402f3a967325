import { afterEach, describe, expect, it, vi } from "vitest"
import { Incoming } from "../../src/utp/incoming.js"
import { UTP_TYPE, UtpPacket } from "../../src/utp/packet.js"
import { Sender } from "../../src/utp/sender.js"
import { TheirWindow } from "../../src/utp/their-window.js"
import { losePackets, openLine, type UtpLine } from "./lib/utp-line.js"

const MiB = 1024 * 1024
/** A window of a megabyte, and some more. */
const LENGTH = 1.5 * MiB

/** A connection whose receiver reads nothing until its window is closed, and then for `rest` ms more. */
async function closedLine(rest: number): Promise<UtpLine> {
  const line = await openLine({ up: 4 * MiB, latency: 20 })
  const { simulation, client, server } = line
  client.stream!.write(new Uint8Array(1))
  await simulation.runUntil(() => server.length === 1)
  server.stream!.pause()
  client.stream!.write(new Uint8Array(LENGTH - 1))
  await simulation.run(1000 + rest)
  expect(client.stream!.bufferedBytes).toBeGreaterThan(0)
  return line
}

/** ms until all is there, once it reads again. */
async function untilRead({ simulation, server }: UtpLine): Promise<number> {
  const start = simulation.clock.now()
  server.stream!.resume()
  await simulation.runUntil(() => server.length === LENGTH, 60_000)
  return simulation.clock.now() - start
}

/** The receiver does not say that its window is open again (libtorrent's way). */
function sayNothing(): void {
  vi.spyOn(Incoming.prototype, "reopened", "get").mockReturnValue(false)
  vi.spyOn(Incoming.prototype, "isWindowDue").mockReturnValue(false)
}

describe("a uTP connection whose receiver's window was closed", () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it("goes on though the word that it is open is lost", async () => {
    const line = await closedLine(300)
    losePackets(line.far, (count) => count === 0)
    expect(await untilRead(line)).toBeLessThan(1000)
  })

  it.each([1, 3])("goes on to a sender that never asks, though that word is lost %d times", async (times) => {
    vi.spyOn(Sender.prototype, "probe").mockImplementation(() => {})
    const line = await closedLine(300)
    losePackets(line.far, (count) => count < times)
    expect(await untilRead(line)).toBeLessThan(2500)
  })

  it("is not told again and again once it knows", async () => {
    const line = await closedLine(300)
    await untilRead(line)
    await line.simulation.run(500)
    let said = 0
    losePackets(line.far, () => ++said < 0)
    await line.simulation.run(20_000)
    expect(said).toBe(0)
  })

  it.each([
    [300, 1500],
    [60_000, 3500],
  ])("goes on after %d ms of rest, though it never says that it is open", async (rest, limit) => {
    sayNothing()
    const line = await closedLine(rest)
    expect(await untilRead(line)).toBeLessThan(limit)
    expect(line.client.closed).toBeUndefined()
  })

  it("stands for as long as there is an answer", async () => {
    const line = await closedLine(600_000)
    expect(line.client.closed).toBeUndefined()
    await untilRead(line)
  })

  it("ends when there is none for half a minute", async () => {
    const line = await closedLine(10_000)
    line.simulation.machine("10.0.0.2").host.cutOff()
    await line.simulation.run(20_000)
    expect(line.client.closed).toBeUndefined()
    await line.simulation.run(30_000)
    expect(line.client.closed?.error).toBeInstanceOf(Error)
  })

  it("gets through a window smaller than a packet", async () => {
    vi.spyOn(Incoming.prototype, "sayWindow").mockReturnValue(700)
    const line = await openLine({ latency: 20 })
    const { simulation, client, server } = line
    client.stream!.write(new Uint8Array(5000))
    await simulation.runUntil(() => server.length === 5000, 5000)
  })
})

describe("what a late packet says of a window", () => {
  const said = (window: number, timestamp: number): UtpPacket =>
    Object.assign(new UtpPacket(), { type: UTP_TYPE.state, window, timestamp: timestamp >>> 0 })

  it("is not believed, if one that was sent after it has come", () => {
    const window = new TheirWindow()
    window.take(said(0, -5000))
    window.take(said(MiB, 3000))
    expect(window.bytes).toBe(MiB)
    window.take(said(0, -4000))
    expect(window.bytes).toBe(MiB)
    window.take(said(1000, 3000))
    expect(window.bytes).toBe(1000)
  })

  it("is believed of a clock that was set back, or of one that stands", () => {
    const window = new TheirWindow()
    window.take(said(0, 2_000_000_000))
    window.take(said(5, 1_000_000_000))
    expect(window.bytes).toBe(5)
    window.take(said(6, 1_000_000_000))
    expect(window.bytes).toBe(6)
  })
})
