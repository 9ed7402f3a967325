import { describe, expect, it } from "vitest"
import { LSD_GROUPS } from "../../src/lsd/lsd.js"
import { putDataset, simDataset, treeDataset, wrongFiles } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const LIMIT = 600_000
const MINUTE = 60_000

interface Scene {
  readonly giver?: string | string[]
  readonly getter?: string | string[]
  readonly isPrivate?: boolean
  readonly lsd?: boolean
}

/** A seed, and a download that is told of nobody. */
async function scene({ giver = "10.0.0.1", getter = "10.0.0.2", isPrivate = false, lsd = true }: Scene) {
  const simulation = createSimulation({ seed: 14 })
  const made = simDataset({ "a.bin": 600 * KiB }, { pieceLength: 32 * KiB })
  const dataset = { ...made, metainfo: { ...made.metainfo, private: isPrivate } }
  const until = <T>(promise: Promise<T>): Promise<T> => simulation.runUntil(promise, LIMIT)
  const seeder = simulation.platform(giver)
  putDataset(seeder, dataset)
  const limits = { lsd }
  const nodes = [await until(startNode({ platform: seeder, dataset, fetch: false, seed: true, limits }))]
  await simulation.run(MINUTE)
  const leecher = simulation.platform(getter)
  const node = await until(startNode({ platform: leecher, dataset, limits }))
  nodes.push(node)
  const complete = node.torrent.whenComplete()
  complete.catch(() => {})
  const end = async (): Promise<void> => {
    await until(Promise.all(nodes.map((one) => one.close())))
    expect([seeder.clock.pendingTimers, leecher.clock.pendingTimers]).toEqual([0, 0])
  }
  return { simulation, dataset, leecher, complete: () => until(complete), end }
}

/** All datagrams of the IPv4 group from now on, with the time of each. */
async function listen(simulation: Simulation): Promise<{ at: number; text: string }[]> {
  const heard: { at: number; text: string }[] = []
  const listener = simulation.platform("10.0.0.99")
  const joined = listener.multicast.join(LSD_GROUPS[0]!, (datagram) =>
    heard.push({ at: simulation.clock.now(), text: Buffer.from(datagram).toString() }),
  )
  await simulation.runUntil(joined)
  return heard
}

describe("local discovery", () => {
  it.each([
    ["IPv4", "10.0.0.1", "10.0.0.2"],
    ["IPv6", "fd00::1", "fd00::2"],
    ["both", ["10.0.0.1", "fd00::1"], ["10.0.0.2", "fd00::2"]],
  ])("leads to a neighbour without anything else: %s", async (_, giver, getter) => {
    const { complete, dataset, leecher, end } = await scene({ giver, getter })
    await complete()
    expect(wrongFiles(leecher, dataset)).toEqual([])
    await end()
  })

  it("leads to nobody in another network, and the download does not wait for them", async () => {
    const { complete, end } = await scene({ getter: "10.0.9.2" })
    await expect(complete()).rejects.toMatchObject({
      code: "AT_NO_SOURCES",
      message: expect.stringContaining("nobody in the local network has it") as string,
    })
    await end()
  })

  it("can be switched off, and is off for private torrents", async () => {
    for (const off of [{ lsd: false }, { isPrivate: true }]) {
      const { complete, end } = await scene(off)
      await expect(complete()).rejects.toMatchObject({ code: "AT_NO_SOURCES" })
      await end()
    }
  })

  it("says nothing of a private torrent, and of others what BEP 14 wants, every five minutes", async () => {
    for (const [isPrivate, count] of [
      [true, 0],
      [false, 3],
    ] as const) {
      const simulation = createSimulation({ seed: 1 })
      const made = simDataset({ "a.bin": 100 * KiB }, { pieceLength: 32 * KiB })
      const dataset = { ...made, metainfo: { ...made.metainfo, private: isPrivate } }
      const heard = await listen(simulation)
      const platform = simulation.platform("10.0.0.1")
      putDataset(platform, dataset)
      const node = startNode({ platform, dataset, fetch: false, seed: true, limits: { lsd: true } })
      const giver = await simulation.runUntil(node, LIMIT)
      await simulation.run(14 * MINUTE)
      expect(heard.map(({ at }) => Math.round(at / MINUTE))).toEqual([0, 5, 10].slice(0, count))
      const infoHash = Buffer.from(dataset.metainfo.infoHash).toString("hex").toUpperCase()
      for (const { text } of heard) {
        expect(text).toMatch(
          new RegExp(
            `^BT-SEARCH \\* HTTP/1\\.1\r\nHost: 239\\.192\\.152\\.143:6771\r\nPort: 6881\r\nInfohash: ${infoHash}\r\ncookie: [0-9a-f]+\r\n\r\n\r\n$`,
          ),
        )
      }
      await simulation.runUntil(giver.close(), LIMIT)
    }
  })

  it("says nothing more of a torrent that has failed, while its session goes on", async () => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = simDataset({ "a.bin": 100 * KiB }, { pieceLength: 32 * KiB })
    const heard = await listen(simulation)
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset, limits: { lsd: true } }), LIMIT)
    await simulation.run(MINUTE)
    expect(node.torrent.state).toBe("failed")
    expect(heard).toHaveLength(1)
    await simulation.run(14 * MINUTE)
    expect(heard).toHaveLength(1)
    await simulation.runUntil(node.close(), LIMIT)
  })

  it("tells of a hybrid by both of its infohashes (BEP 52)", async () => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = treeDataset({ "a.bin": 100 * KiB }, { version: "hybrid" })
    const heard = await listen(simulation)
    const platform = simulation.platform("10.0.0.1")
    putDataset(platform, dataset)
    const node = startNode({ platform, dataset, fetch: false, seed: true, limits: { lsd: true } })
    const giver = await simulation.runUntil(node, LIMIT)
    await simulation.run(MINUTE)
    const { infoHash, infoHashV2 } = dataset.metainfo
    const names = [infoHash, infoHashV2!.subarray(0, 20)].map((name) => Buffer.from(name).toString("hex").toUpperCase())
    const told = heard.flatMap(({ text }) => [...text.matchAll(/^Infohash: (\w+)/gm)].map(([, name]) => name))
    expect(told.sort()).toEqual(names.sort())
    await simulation.runUntil(giver.close(), LIMIT)
  })
})
