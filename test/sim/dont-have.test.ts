import { describe, expect, it } from "vitest"
import type { Endpoint } from "../../src/ports/net.js"
import { encodeDontHave } from "../../src/wire/dont-have.js"
import { encodeExtensionHandshake } from "../../src/wire/extension.js"
import { type Call, RecordingSink } from "../unit/wire/calls.js"
import { Puppet } from "./lib/puppet.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform } from "./lib/simulation.js"

const KiB = 1024
/** ms of virtual time. */
const LIMIT = 600_000
/** Ours for lost pieces, and the other side's. */
const OURS = 3
const THEIRS = 77
const at = (host: string): Endpoint => ({ host, port: 6881 })

/** Connected to 10.0.0.1: takes word of lost pieces, and tells what it heard. */
class Listening extends Puppet {
  readonly #ears: RecordingSink

  constructor(platform: SimPlatform, dataset: SimDataset) {
    const ears = new RecordingSink()
    super(platform, dataset, ears)
    this.#ears = ears
    this.encoder.extended(0, encodeExtensionHandshake({ messages: new Map([["lt_donthave", THEIRS]]) }))
    this.connect("10.0.0.1")
  }

  /** What came since the last call, of these kinds; extended handshakes are none. */
  heard(...names: string[]): Call[] {
    return this.#ears.calls.splice(0).filter(([name, id]) => names.includes(name) && !(name === "extended" && id === 0))
  }
}

describe("a lost piece (BEP 54)", () => {
  it("is told to the peers, and their requests for it are refused; when it is back they are told, too", async () => {
    const simulation = createSimulation({ seed: 5 })
    const dataset = simDataset({ "a.bin": 256 * KiB }, { pieceLength: 32 * KiB })
    const platform = simulation.platform("10.0.0.1")
    putDataset(platform, dataset)
    const node = await simulation.runUntil(startNode({ platform, dataset, seed: true }), LIMIT)
    const puppet = new Listening(simulation.platform("10.0.0.2"), dataset)
    puppet.encoder.haveNone()
    puppet.encoder.interested()
    await simulation.run(5_000)
    expect(puppet.heard("haveAll", "unchoke")).toEqual([["haveAll"], ["unchoke"]])

    const file = await simulation.runUntil(platform.disk.open("/store/data/a.bin", "write"), LIMIT)
    await simulation.runUntil(file.write([new Uint8Array(32 * KiB)], 2 * 32 * KiB), LIMIT)
    puppet.encoder.request(2, 0, 16 * KiB)
    puppet.encoder.request(2, 16 * KiB, 16 * KiB)
    puppet.encoder.request(1, 0, 16 * KiB)
    puppet.say()
    await simulation.run(2_000)
    const heard = puppet.heard("extended", "reject", "piece").map(([name, ...values]) => [name, ...values.slice(0, 2)])
    expect(heard.filter(([name]) => name === "extended")).toEqual([["extended", THEIRS, "00000002"]])
    expect(heard.filter(([name]) => name === "reject").sort()).toEqual([
      ["reject", 2, 0],
      ["reject", 2, 16 * KiB],
    ])
    expect(heard.filter(([name]) => name === "piece")).toEqual([["piece", 1, 0]])

    const helper = simulation.platform("10.0.0.3")
    putDataset(helper, dataset)
    const start = startNode({ platform: helper, dataset, seed: true, peers: [at("10.0.0.1")] })
    const other = await simulation.runUntil(start, LIMIT)
    await simulation.run(60_000)
    expect(puppet.heard("have", "extended")).toEqual([["have", 2]])
    await simulation.runUntil(Promise.all([node.close(), other.close()]), LIMIT)
  })

  it("of a peer is not asked for any more, nor is the peer interesting for it, until it has it again", async () => {
    const simulation = createSimulation({ seed: 6 })
    const dataset = simDataset({ "a.bin": 64 * KiB }, { pieceLength: 32 * KiB })
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset, peers: [at("10.0.0.9")] }), LIMIT)
    const puppet = new Listening(simulation.platform("10.0.0.2"), dataset)
    puppet.encoder.haveAll()
    puppet.encoder.unchoke()
    await simulation.run(1_000)
    const pieces = (): number[] =>
      puppet
        .heard("request")
        .map(([, piece]) => Number(piece))
        .sort()
    expect(pieces()).toEqual([0, 0, 1, 1])
    puppet.encoder.extended(OURS, encodeDontHave(1))
    puppet.say()
    await simulation.run(2_000)
    expect(puppet.heard("request", "notInterested")).toEqual([])
    puppet.encoder.extended(OURS, encodeDontHave(0))
    puppet.say()
    await simulation.run(2_000)
    expect(puppet.heard("request", "notInterested")).toEqual([["notInterested"]])

    puppet.encoder.have(1)
    puppet.say()
    await simulation.run(2_000)
    expect(puppet.heard("request", "interested").map(([name, piece]) => [name, piece])).toEqual([
      ["interested", undefined],
      ["request", 1],
      ["request", 1],
    ])

    // What it has no more is had of somebody else.
    puppet.encoder.extended(OURS, encodeDontHave(1))
    puppet.say()
    const helper = simulation.platform("10.0.0.3")
    putDataset(helper, dataset)
    const start = startNode({ platform: helper, dataset, seed: true, peers: [at("10.0.0.1")] })
    const other = await simulation.runUntil(start, LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), 5_000)
    expect(puppet.open).toBe(true)
    await simulation.runUntil(Promise.all([node.close(), other.close()]), LIMIT)
  })
})
