import { describe, expect, it } from "vitest"
import { type NatKind, VirtualNat } from "./lib/nat.js"
import { putDataset, type SimDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNodeOptions, startNode } from "./lib/sim-node.js"
import { createSimulation } from "./lib/simulation.js"

const KiB = 1024
const MIDDLE = "9.0.0.1"
const GATEWAYS = ["9.0.1.1", "9.0.2.1"] as const
const INSIDE = ["192.168.1.2", "192.168.2.2"] as const
const at = (host: string, port = 6881) => ({ host, port })

interface Play {
  readonly kinds?: readonly [NatKind, NatKind]
  readonly seed?: number
  readonly loss?: number
  /** Of the two behind gateways, to the middle. */
  readonly tcp?: boolean
  readonly isPrivate?: boolean
  readonly all?: Partial<SimNodeOptions>
}

/**
 * Two hosts behind gateways, one of which has a file, and one in the middle that wants another, which nobody has.
 * @returns how long it took the other to get it, ms; undefined: it did not within two minutes
 */
async function play({
  kinds = ["restricted", "restricted"],
  seed = 1,
  loss = 0,
  tcp = false,
  isPrivate = false,
  all = {},
}: Play) {
  const simulation = createSimulation({ seed })
  const made = simDataset({ "a.bin": 1024 * KiB, "b.bin": 64 * KiB }, { pieceLength: 64 * KiB })
  const dataset: SimDataset = { ...made, metainfo: { ...made.metainfo, private: isPrivate } }
  const until = <T>(promise: Promise<T>): Promise<T> => simulation.runUntil(promise, 600_000)
  const [giver, getter] = INSIDE.map((host, index) => {
    const machine = simulation.machine(host, { latency: 20, loss })
    const gateway = simulation.network.host(GATEWAYS[index as 0 | 1], { latency: 1 })
    new VirtualNat(simulation.network, gateway, [machine.host], kinds[index as 0 | 1])
    if (!tcp) {
      machine.platform.net.connect = (remote, listener) => {
        machine.platform.clock.after(1, () => listener.onClose(new Error("refused")))
        const nothing = () => {}
        return { remote, bufferedBytes: 0, write: () => false, pause: nothing, resume: nothing, destroy: nothing }
      }
    }
    return machine.platform
  }) as [ReturnType<typeof simulation.platform>, ReturnType<typeof simulation.platform>]
  putDataset(giver, { ...dataset, files: new Map([...dataset.files].filter(([path]) => path.endsWith("a.bin"))) })
  const common = { dataset, ...all }
  const middle = simulation.platform(MIDDLE, { latency: 10 })
  // Who knows nobody gives up.
  const nobody = { peers: [at("9.9.9.9")], selected: new Set([1]) }
  const nodes = [await until(startNode({ ...common, ...nobody, platform: middle }))]
  const toMiddle = { ...common, peers: [at(MIDDLE)] }
  nodes.push(await until(startNode({ ...toMiddle, platform: giver, fetch: false, seed: true })))
  await simulation.run(5000)
  const node = await until(startNode({ ...toMiddle, platform: getter, selected: new Set([0]) }))
  nodes.push(node)
  const start = simulation.clock.now()
  let took: number | undefined
  void node.torrent.whenComplete().then(
    () => {
      took = simulation.clock.now() - start
    },
    () => {},
  )
  for (let second = 0; second < 120 && took === undefined; second++) await simulation.run(1000)
  if (took !== undefined) expect(wrongFiles(getter, dataset)).toEqual(["data/b.bin"])
  await until(Promise.all(nodes.map((one) => one.close())))
  await simulation.run(100)
  const left = [middle, giver, getter].map(({ clock }) => clock.pendingTimers)
  expect(left).toEqual([0, 0, 0])
  return took
}

describe("two peers behind gateways that let nobody in", () => {
  it("come together with the help of a third", async () => {
    expect(await play({})).toBeLessThan(15_000)
  })

  it("come together when packets get lost", async () => {
    for (const seed of [1, 2, 3]) expect(await play({ seed, loss: 0.05 })).toBeDefined()
  })

  it("stay apart without peer exchange, without uTP, and in a private torrent", async () => {
    expect(await play({ all: { pex: false } })).toBeUndefined()
    expect(await play({ tcp: true, all: { limits: { utp: false } } })).toBeUndefined()
    expect(await play({ isPrivate: true })).toBeUndefined()
  })

  it("stay apart when both gateways choose another port for each place", async () => {
    expect(await play({ kinds: ["symmetric", "symmetric"] })).toBeUndefined()
  })

  it("come together when one of the gateways lets anybody in", async () => {
    expect(await play({ kinds: ["open", "restricted"] })).toBeDefined()
    expect(await play({ kinds: ["restricted", "open"] })).toBeDefined()
  })
})
