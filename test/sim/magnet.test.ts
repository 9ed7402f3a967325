import { describe, expect, it } from "vitest"
import { toHex } from "../../src/bytes/hex.js"
import { Site } from "../../src/catalog/site.js"
import { metadataFromPeers } from "../../src/dataset/metadata-from-peers.js"
import type { Options } from "../../src/dataset/options.js"
import type { Wanted } from "../../src/dataset/resolve.js"
import { TorrentCache } from "../../src/dataset/torrent-cache.js"
import { FileNodes } from "../../src/metainfo/file-nodes.js"
import type { Metainfo } from "../../src/metainfo/metainfo.js"
import { parseTorrent } from "../../src/metainfo/torrent-file.js"
import { METADATA_EXTENSIONS, METADATA_ID } from "../../src/peer/extension-ids.js"
import { Session } from "../../src/session/session.js"
import { PieceStore } from "../../src/storage/piece-store.js"
import { ConnectionBudget } from "../../src/torrent/finding/connection-budget.js"
import type { Search } from "../../src/torrent/finding/discovery.js"
import { ExternalAddress } from "../../src/torrent/finding/external-address.js"
import { MetadataFetch } from "../../src/torrent/metadata/metadata-fetch.js"
import type { SharedParts } from "../../src/torrent/shared-parts.js"
import type { ProgressSnapshot } from "../../src/torrent/statistics/progress.js"
import { TrackerClient } from "../../src/tracker/tracker-client.js"
import { EXTENSION_HANDSHAKE_ID, encodeExtensionHandshake } from "../../src/wire/extension.js"
import { encodeHandshake } from "../../src/wire/handshake.js"
import { decodeMetadataMessage, encodeMetadataReject } from "../../src/wire/metadata-message.js"
import { digester, sha256 } from "../support/torrents.js"
import { MemoryStream, theirId } from "../unit/peer/harness.js"
import { RecordingSink } from "../unit/wire/calls.js"
import { Puppet } from "./lib/puppet.js"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, type SimDataset, simDataset, treeDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform } from "./lib/simulation.js"

const KiB = 1024
const LIMIT = 600_000
const PORT = 6881

/** Its metadata has five pieces. */
const dataset = simDataset({ "a.bin": 800 * KiB, "b.bin": 800 * KiB }, { pieceLength: 512 })
const { infoHash, infoBytes } = dataset.metainfo

/** The same dataset by a client that gives wrong metadata. */
function lying(forge: (info: Uint8Array) => Uint8Array): SimDataset {
  return { ...dataset, metainfo: { ...dataset.metainfo, infoBytes: forge(infoBytes.slice()) } }
}

/** The same dataset by a client whose hashes of the pieces are others; undefined: it has none. */
function withNodes(given: SimDataset, change: (hash: Uint8Array) => Uint8Array | undefined): SimDataset {
  const { layout, fileNodes: nodes } = given.metainfo
  class OtherNodes extends FileNodes {
    override at(...[file, height, index, digest]: Parameters<FileNodes["at"]>): Uint8Array | undefined {
      const hash = super.at(file, height, index, digest)
      return hash && change(hash)
    }
  }
  const fileNodes = new OtherNodes(layout, nodes!.roots)
  for (const file of layout.files.keys()) {
    const layer = nodes!.layer(file)
    if (layer !== undefined) fileNodes.add(file, layer, sha256)
  }
  return { ...given, metainfo: { ...given.metainfo, fileNodes } }
}

function wantedByV2({ metainfo }: SimDataset): Partial<Wanted> {
  const known = metainfo.infoHashV2!
  return {
    infoHash: known.subarray(0, 20),
    infoHashV2: known.subarray(0, 20),
    matches: (metadata) => toHex(digester.digest("sha256", metadata)) === toHex(known),
  }
}

/** Connects to us, says that it has the metadata, and refuses to give it. */
class Refuser extends Puppet {
  constructor(platform: SimPlatform) {
    const sink = new RecordingSink()
    super(platform, dataset, sink)
    sink.onExtended = (id, payload) => {
      const message = id === METADATA_ID ? decodeMetadataMessage(payload) : undefined
      if (message?.kind !== "request") return
      this.encoder.extended(METADATA_ID, encodeMetadataReject(message.piece))
      this.say()
    }
    const handshake = { messages: METADATA_EXTENSIONS, metadataSize: infoBytes.length }
    this.encoder.extended(EXTENSION_HANDSHAKE_ID, encodeExtensionHandshake(handshake))
    this.connect("10.0.0.1")
  }
}

const wrongByte = (at: number) =>
  lying((info) => {
    info[at]! ^= 1
    return info
  })

/** What a fetch has of its session. */
function sharedOf(platform: SimPlatform): SharedParts {
  return {
    platform,
    peerId: new Uint8Array(20).fill(1),
    clientVersion: "x",
    budget: new ConnectionBudget(),
    encryption: "allow",
    trackerClient: new TrackerClient(platform),
    external: new ExternalAddress(),
  }
}

function stage(seed: number) {
  const simulation = createSimulation({ seed })
  const platform = simulation.platform("10.0.0.1", { latency: 10 })
  const until = <T>(promise: Promise<T>): Promise<T> => simulation.runUntil(promise, LIMIT)
  const nodes: SimNode[] = []
  const hosts: string[] = []
  let fetch: { snapshot(): ProgressSnapshot } | undefined
  const give = async (what: SimDataset): Promise<SimNode> => {
    const host = `10.0.1.${hosts.length + 1}`
    hosts.push(host)
    const machine = simulation.platform(host, { latency: 10 })
    putDataset(machine, what)
    const node = await until(startNode({ platform: machine, dataset: what, fetch: false, seed: true }))
    nodes.push(node)
    return node
  }
  const begin = async (options: Options = {}, signal?: AbortSignal, other: Partial<Wanted> = {}, shared?: Session) => {
    const session = shared ?? (await Session.open({ platform, clientVersion: "academictorrents sim", port: PORT }))
    nodes.push({ session, close: () => session.close() } as SimNode)
    const wanted: Wanted = {
      infoHash,
      name: "data",
      hints: { trackers: [], webSeeds: [], peers: hosts.map((host) => ({ host, port: PORT })) },
      matches: (metadata) => toHex(digester.digest("sha1", metadata)) === toHex(infoHash),
      ...other,
    }
    const cache = new TorrentCache({ platform, directory: "/cache", datastore: "/store" })
    const torrent = await metadataFromPeers(
      wanted,
      { platform, site: new Site(undefined), cache, offline: false, signal },
      {
        session: () => Promise.resolve(session),
        options,
        follow: (subject) => {
          fetch = subject
        },
      },
    )
    return { session, torrent }
  }
  /** An empty place for the data of a torrent that was fetched. */
  const open = (metainfo: Metainfo, torrentBytes: Uint8Array): Promise<PieceStore> =>
    until(PieceStore.open({ platform, metainfo, torrentBytes, datastore: "/store", verify: "auto" }))
  return {
    simulation,
    platform,
    until,
    give,
    begin,
    open,
    hosts,
    snapshot: () => fetch?.snapshot(),
    close: () => until(Promise.all(nodes.map((node) => node.close()))),
  }
}

describe("metadata from peers", () => {
  const hybrid = treeDataset({ "a.bin": 100 * KiB, "b.bin": 40 * KiB }, { version: "hybrid" })
  const { infoHash: infoHashV1 } = hybrid.metainfo
  const byV2 = wantedByV2(hybrid)
  const byV1: Partial<Wanted> = {
    infoHash: infoHashV1,
    matches: (metadata) => toHex(digester.digest("sha1", metadata)) === toHex(infoHashV1),
  }

  it.each<[string, SimDataset, Partial<Wanted>]>([
    ["the infohash", dataset, {}],
    ["a hybrid's v1 infohash", hybrid, byV1],
    ["a hybrid's v2 infohash", hybrid, byV2],
  ])("is what %s names, and the download goes on over the same connections", async (_, given, wanted) => {
    const s = stage(1)
    await s.give(given)
    const { session, torrent } = await s.until(s.begin({}, undefined, wanted))
    const metainfo = parseTorrent(torrent, digester)
    expect(Buffer.compare(metainfo.infoBytes, given.metainfo.infoBytes)).toBe(0)
    const added = session.add({
      metainfo,
      store: await s.open(metainfo, torrent),
      trackers: [],
      webSeeds: [],
      peers: s.hosts.map((host) => ({ host, port: PORT })),
      fetch: true,
      seed: false,
    })
    await s.until(added.whenComplete())
    expect(wrongFiles(s.platform, given)).toEqual([])
    const accepted = s.simulation.platform("10.0.1.1").log.lines.filter(({ message }) => message.includes("connected,"))
    expect(accepted).toHaveLength(1)
    await s.close()
    expect(s.platform.clock.pendingTimers).toBe(0)
  })

  it("is asked for by a peer whom trackers know from then on, until the download stops", async () => {
    const s = stage(26)
    const node = await s.give(dataset)
    const seed = { host: s.hosts.pop()!, port: PORT }
    const announces = serveTracker(s.simulation, "10.0.2.1", { peers: [seed] })
    const trackers = ["http://10.0.2.1/announce"]
    const { session, torrent } = await s.until(s.begin({}, undefined, { hints: { trackers, webSeeds: [], peers: [] } }))
    const metainfo = parseTorrent(torrent, digester)
    const store = await s.open(metainfo, torrent)
    const sources = { trackers: metainfo.trackers, webSeeds: [], peers: [], maxDownload: 8 * KiB }
    const added = session.add({ metainfo, store, ...sources, fetch: true, seed: false })
    await s.until(added.whenComplete())
    await s.simulation.run(1_000)
    await s.close()
    expect(node.torrent.givenBytes).toBe(1600 * KiB)
    expect(announces.map((announce) => announce.get("event"))).toEqual(["started", null, "completed", "stopped"])
    for (const name of ["key", "peer_id"]) expect(new Set(announces.map((one) => one.get(name))).size).toBe(1)
    const [fetching, downloading, complete] = announces.map((announce) => Number(announce.get("left")))
    expect([fetching, complete]).toEqual([16384, 0])
    expect(downloading).toBeGreaterThan(16384)
    expect(s.platform.clock.pendingTimers).toBe(0)
  })

  it("of a private torrent leaves the peers that its tracker named", async () => {
    const s = stage(27)
    await s.give(dataset)
    const seed = { host: s.hosts[0]!, port: PORT }
    const announces = serveTracker(s.simulation, "10.0.2.1", { peers: [seed] })
    const trackers = ["http://10.0.2.1/announce"]
    const { session, torrent } = await s.until(s.begin({}, undefined, { hints: { trackers, webSeeds: [], peers: [] } }))
    const metainfo = { ...parseTorrent(torrent, digester), private: true }
    const store = await s.open(metainfo, torrent)
    const added = session.add({
      metainfo,
      store,
      trackers: [trackers],
      webSeeds: [],
      peers: [],
      fetch: true,
      seed: false,
    })
    await s.until(added.whenComplete())
    expect(s.simulation.clock.now()).toBeLessThan(30_000)
    await s.close()
    expect(announces.map((announce) => announce.get("event"))).toEqual(["started", "completed", "stopped"])
  })

  it("says that the torrent is private: then nobody counts whom no tracker has named", async () => {
    const s = stage(15)
    const node = await s.give(dataset)
    const { session, torrent } = await s.until(s.begin())
    const metainfo = { ...parseTorrent(torrent, digester), private: true }
    const store = await s.open(metainfo, torrent)
    const sources = { trackers: [["http://tracker.invalid/announce"]], webSeeds: [], peers: [] }
    const added = session.add({ metainfo, store, ...sources, fetch: true, seed: false })
    added.whenComplete().catch(() => {})
    await s.simulation.run(500)
    expect(added.snapshot().peers).toMatchObject({ connected: 0, known: 0 })
    expect(node.torrent.snapshot().peers.connected).toBe(0)
    await s.close()
  })

  it("leaves no connection counted that can't be handed over", () => {
    const { platform } = stage(14)
    const budget = new ConnectionBudget(1)
    const fetch = new MetadataFetch({
      ...sharedOf(platform),
      budget,
      infoHash,
      name: "data",
      matches: () => true,
      trackers: [],
    })
    const stream = new MemoryStream()
    const handshake = encodeHandshake(infoHash, theirId)
    // Half a message stands behind it.
    const peer = fetch.accept(stream, new Uint8Array([...handshake, 0, 0, 0]))
    expect(peer).toBeDefined()
    expect(budget.mayAccept).toBe(false)
    const { connections } = fetch.release()
    expect(connections).toHaveLength(1)
    connections[0]!.handOver(() => undefined)
    expect(stream.destroyed).toBe(true)
    expect(budget.mayAccept).toBe(true)
  })

  it.each<[string, SimDataset[]]>([
    ["wrong bytes", [wrongByte(10), wrongByte(20_000), wrongByte(70_000)]],
    [
      "a lie about the size",
      [lying((info) => info.subarray(0, -100)), lying((info) => new Uint8Array([...info, 1, 2]))],
    ],
    ["the same wrong bytes by many", [wrongByte(5), wrongByte(5), wrongByte(5), wrongByte(5), wrongByte(5)]],
  ])("comes all the same beside %s", async (_, liars) => {
    for (const place of [0, 1, liars.length]) {
      const s = stage(2 + place)
      for (const [index, liar] of liars.entries()) {
        if (index === place) await s.give(dataset)
        await s.give(liar)
      }
      if (place === liars.length) await s.give(dataset)
      const { torrent } = await s.until(s.begin())
      expect(Buffer.compare(parseTorrent(torrent, digester).infoBytes, infoBytes)).toBe(0)
      await s.close()
      expect(s.platform.clock.pendingTimers).toBe(0)
    }
  })

  it("is not to be had when everyone lies, and says so", async () => {
    const s = stage(7)
    await s.give(wrongByte(3))
    await s.give(wrongByte(4))
    await expect(s.until(s.begin())).rejects.toMatchObject({
      code: "AT_METADATA",
      hint: expect.stringMatching(/`peers`/) as string,
    })
    await s.close()
    expect(s.platform.clock.pendingTimers).toBe(0)
  })

  it("is not to be had where nobody is", async () => {
    const s = stage(8)
    s.hosts.push("10.0.9.9")
    await expect(s.until(s.begin())).rejects.toMatchObject({ code: "AT_METADATA" })
    await s.close()
  })

  it("is waited for from a peer that the user names to the second who wants it", async () => {
    const s = stage(10)
    const opening = Session.open({ platform: s.platform, clientVersion: "academictorrents sim", port: PORT })
    const session = await s.until(opening)
    const hints = { trackers: [], webSeeds: [], peers: [{ host: "10.0.9.9", port: PORT }] }
    const first = s.begin({}, undefined, { hints }, session)
    const second = s.begin({ peers: [`10.0.1.1:${PORT}`] }, undefined, { hints: { ...hints, peers: [] } }, session)
    await s.simulation.run(60_000)
    await s.give(dataset)
    for (const { torrent } of await s.until(Promise.all([first, second]))) {
      expect(Buffer.compare(parseTorrent(torrent, digester).infoBytes, infoBytes)).toBe(0)
    }
    await s.close()
  })

  it.each([60_000, 1_000])("is waited for as long as the user likes, %d ms, and it is said why", async (timeout) => {
    const s = stage(9)
    const options = { peers: ["10.0.9.9:6881"], timeout }
    const begun = s.simulation.clock.now()
    const outcome = await s.until(s.begin(options).catch((error: unknown) => error))
    expect(outcome).toMatchObject({ code: "AT_STALLED" })
    expect(String(outcome)).toMatch(/ arrived for \d+ s: (none of|connecting to) 1 (known )?peer/)
    expect(s.simulation.clock.now() - begun).toBe(timeout)
    expect(s.snapshot()).toMatchObject({ state: "metadata" })
    await s.close()
    expect(s.platform.clock.pendingTimers).toBe(0)
  })

  it("ends with the user's signal", async () => {
    const s = stage(10)
    const controller = new AbortController()
    s.platform.clock.after(5000, () => controller.abort())
    await expect(s.until(s.begin({ peers: ["10.0.9.9:6881"] }, controller.signal))).rejects.toMatchObject({
      code: "AT_ABORTED",
    })
    await s.close()
    expect(s.platform.clock.pendingTimers).toBe(0)
  })

  it("comes from a peer that connects to us", async () => {
    const s = stage(11)
    const begun = s.begin({ peers: ["10.0.9.9:6881"] })
    await s.simulation.run(3000)
    const machine = s.simulation.platform("10.0.1.7", { latency: 10 })
    putDataset(machine, dataset)
    const peers = [{ host: "10.0.0.1", port: PORT }]
    const giver = await s.until(startNode({ platform: machine, dataset, fetch: false, seed: true, peers }))
    const { torrent } = await s.until(begun)
    expect(Buffer.compare(parseTorrent(torrent, digester).infoBytes, infoBytes)).toBe(0)
    await s.until(giver.close())
    await s.close()
  })

  it("is fetched once for all who want it, and goes on while anybody waits", async () => {
    const s = stage(16)
    s.hosts.push("10.0.9.9")
    const opening = Session.open({ platform: s.platform, clientVersion: "academictorrents sim", port: PORT })
    const session = await s.until(opening)
    const controller = new AbortController()
    const options = { peers: ["10.0.9.8:6881"] }
    const first = s.begin(options, controller.signal, {}, session)
    const second = s.begin(options, undefined, {}, session)
    first.catch(() => {})
    await s.simulation.run(1000)
    const dialled = s.snapshot()!.peers.known
    controller.abort()
    await expect(first).rejects.toMatchObject({ code: "AT_ABORTED" })
    await s.simulation.run(1000)
    expect(dialled).toBe(2)
    const machine = s.simulation.platform("10.0.1.7", { latency: 10 })
    putDataset(machine, dataset)
    const peers = [{ host: "10.0.0.1", port: PORT }]
    const giver = await s.until(startNode({ platform: machine, dataset, fetch: false, seed: true, peers }))
    expect((await s.until(second)).torrent.length).toBeGreaterThan(infoBytes.length)
    await s.until(giver.close())
    await s.close()
    expect(s.platform.clock.pendingTimers).toBe(0)
  })

  it("is looked for in later tiers, too, while a peer refuses to give it", async () => {
    const s = stage(18)
    const trackers = ["10.0.2.1", "10.0.2.2"]
    serveTracker(s.simulation, trackers[0]!, { peers: ["10.0.9.1", "10.0.9.2"].map((host) => ({ host, port: PORT })) })
    serveTracker(s.simulation, trackers[1]!, { peers: [{ host: "10.0.1.1", port: PORT }] })
    await s.give(dataset)
    const hints = { trackers: trackers.map((host) => `http://${host}/announce`), webSeeds: [], peers: [] }
    const begun = s.begin({}, undefined, { hints })
    await s.simulation.run(1_000)
    const refuser = new Refuser(s.simulation.platform("10.0.3.1", { latency: 10 }))
    await s.simulation.run(5_000)
    expect(s.snapshot()!.waitingFor).toBe("1 peer with the metadata: asked, and refused so far")
    await s.until(begun)
    expect(s.simulation.clock.now()).toBeLessThan(30_000)
    refuser.close()
    await s.close()
  })

  it("is not waited for from a peer that only refuses to give it", async () => {
    const s = stage(19)
    const begun = s.begin({ peers: ["10.0.9.9:6881"] })
    begun.catch(() => {})
    await s.simulation.run(1_000)
    const refuser = new Refuser(s.simulation.platform("10.0.3.1", { latency: 10 }))
    await s.simulation.run(60_000)
    expect(refuser.open).toBe(true)
    await s.simulation.run(30_000)
    expect(refuser.open).toBe(false)
    await s.close()
  })

  it("leaves no more connections than the torrent may have", async () => {
    const s = stage(17)
    for (let i = 0; i < 3; i++) await s.give(dataset)
    const { session, torrent } = await s.until(s.begin())
    await s.simulation.run(1000)
    const metainfo = parseTorrent(torrent, digester)
    const sources = { trackers: [], webSeeds: [], peers: [], maxPeers: 1 }
    const added = session.add({
      metainfo,
      store: await s.open(metainfo, torrent),
      ...sources,
      fetch: true,
      seed: false,
    })
    expect(added.snapshot().peers.connected).toBe(1)
    await s.until(added.whenComplete())
    await s.close()
  })

  it("lets go of its connections when no download follows", async () => {
    const s = stage(12)
    const node = await s.give(dataset)
    await s.until(s.begin())
    await s.simulation.run(30_000)
    expect(node.torrent.snapshot().peers.connected).toBe(1)
    await s.simulation.run(40_000)
    expect(node.torrent.snapshot().peers.connected).toBe(0)
    await s.close()
  })

  it("is not given of a private torrent", async () => {
    const s = stage(13)
    await s.give({ ...dataset, metainfo: { ...dataset.metainfo, private: true } })
    await expect(s.until(s.begin({ timeout: 40_000 }))).rejects.toMatchObject({ name: "AtError" })
    await s.close()
  })
})

describe("piece layers from peers", () => {
  // A layer of two parts, and many of one: more than one peer is asked for at a time.
  const small = Array.from({ length: 40 }, (_, i): [string, number] => [`small/${i}`, 17 * KiB + i])
  const files = { "large.bin": 600 * 16 * KiB + 1, ...Object.fromEntries(small) }
  const given = treeDataset(files, { version: "v2", pieceLength: 16384 })
  const { fileNodes } = given.metainfo
  const wanted = wantedByV2(given)
  const flip = (hash: Uint8Array): Uint8Array => hash.map((byte) => byte ^ 1)

  it("make a v2 torrent of what a v2 infohash names, whoever lies or lacks them", async () => {
    const s = stage(20)
    await s.give(withNodes(given, flip))
    await s.give(withNodes(given, () => undefined))
    await s.give(given)
    await s.give(given)
    const { session, torrent } = await s.until(s.begin({}, undefined, wanted))
    const metainfo = parseTorrent(torrent, digester)
    expect(metainfo.fileNodes!.complete).toBe(true)
    expect(metainfo.fileNodes!.layer(0)).toEqual(fileNodes!.layer(0))
    expect(s.platform.log.lines.map(({ message }) => message).join()).toMatch(/do not lead to the file's root/)
    const sources = { trackers: [], webSeeds: [], peers: [] }
    const added = session.add({
      metainfo,
      store: await s.open(metainfo, torrent),
      ...sources,
      fetch: true,
      seed: false,
    })
    await s.until(added.whenComplete())
    expect(wrongFiles(s.platform, given)).toEqual([])
    await s.close()
    expect(s.platform.clock.pendingTimers).toBe(0)
  })

  it("are waited for, and it is said what for, while nobody gives them", async () => {
    const s = stage(21)
    await s.give(withNodes(given, () => undefined))
    await expect(s.until(s.begin({ timeout: 30_000 }, undefined, wanted))).rejects.toMatchObject({
      code: "AT_STALLED",
      message: expect.stringMatching(/hashes of the pieces/) as string,
    })
    expect(s.snapshot()!.donePieces).toBeLessThan(s.snapshot()!.totalPieces)
    await s.close()
    expect(s.platform.clock.pendingTimers).toBe(0)
  })

  it.each([
    ["from trackers alone once it is known that the torrent is private (BEP 27)", true],
    ["on, from wherever there are peers, of one that is not private", false],
  ])("are looked for %s", async (_, isPrivate) => {
    const s = stage(25)
    const drafted = treeDataset(files, { version: "v2", pieceLength: 16384, private: isPrivate })
    expect(drafted.metainfo.private).toBe(isPrivate)
    // Somebody gives the info dictionary whatever it says, and no layers: the fetch goes on without an end.
    const giver = withNodes(drafted, () => undefined)
    await s.give({ ...giver, metainfo: { ...giver.metainfo, private: false } })
    const searches: string[] = []
    const search = (): Search => {
      searches.push("open")
      return { hopeful: true, status: "asking", soon() {}, close: () => void searches.push("closed") }
    }
    const { infoHash: named } = drafted.metainfo
    const peers = s.hosts.map((host) => ({ host, port: PORT }))
    const fetch = new MetadataFetch({
      ...sharedOf(s.platform),
      discoveries: [{ origin: "dht", after: 0, search }],
      ...{ infoHash: named, infoHashV2: named, name: "data", trackers: [] },
      matches: wantedByV2(drafted).matches!,
    })
    fetch.start(() => {})
    fetch.addPeers(peers, "user")
    await s.simulation.run(5_000)
    const { donePieces, totalPieces, doneBytes, totalBytes, waitingFor } = fetch.snapshot()
    expect(waitingFor).toMatch(/asked for the hashes of the pieces/)
    // What came of the metadata itself stays counted.
    expect(donePieces).toBeGreaterThan(0)
    expect(donePieces).toBeLessThan(totalPieces)
    expect(doneBytes).toBe(drafted.metainfo.infoBytes.length)
    expect(doneBytes).toBeLessThan(totalBytes)
    expect(searches).toEqual(isPrivate ? ["open", "closed"] : ["open"])
    fetch.found.catch(() => {})
    await s.until(fetch.close())
    await s.close()
  })

  it("can't be had when everyone lies", async () => {
    const s = stage(22)
    await s.give(withNodes(given, flip))
    await expect(s.until(s.begin({}, undefined, wanted))).rejects.toMatchObject({
      code: "AT_METADATA",
      message: expect.stringMatching(/piece layers/) as string,
    })
    await s.close()
  })

  it("of a hybrid are fetched, and done without where nobody gives them", async () => {
    const hybrid = treeDataset({ "a.bin": 100 * KiB, "b.bin": 40 * KiB }, { version: "hybrid" })
    for (const [lacking, change] of [
      [false, (hash: Uint8Array) => hash],
      [true, () => undefined],
    ] as const) {
      const s = stage(23)
      await s.give(withNodes(hybrid, change))
      const { torrent } = await s.until(s.begin({}, undefined, wantedByV2(hybrid)))
      expect(parseTorrent(torrent, digester).fileNodes!.complete).toBe(!lacking)
      expect(s.simulation.clock.now() > 3000).toBe(lacking)
      await s.close()
    }
  })

  it("of a hybrid come over connections that began with its v1 infohash, which the other side upgrades", async () => {
    const hybrid = treeDataset({ "a.bin": 100 * KiB, "b.bin": 40 * KiB }, { version: "hybrid" })
    const s = stage(24)
    await s.give(hybrid)
    const both = { ...wantedByV2(hybrid), infoHash: hybrid.metainfo.infoHash }
    const { torrent } = await s.until(s.begin({}, undefined, both))
    expect(parseTorrent(torrent, digester).fileNodes!.complete).toBe(true)
    await s.close()
  })
})
