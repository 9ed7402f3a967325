import { describe, expect, it, vi } from "vitest"
import type { Endpoint } from "../../src/ports/net.js"
import { Incoming } from "../../src/utp/incoming.js"
import { encodeBare, UTP_TYPE, UtpPacket } from "../../src/utp/packet.js"
import { SharedMemory } from "../../src/utp/shared-memory.js"
import { Recorder } from "../compliance/net-recorder.js"
import { fingerprint } from "../support/bytes.js"
import { putDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { SimRandom } from "./lib/sim-random.js"
import { createSimulation, type SimPlatform, type Simulation } from "./lib/simulation.js"
import { goodput, openLine as open, tellNoFurther } from "./lib/utp-line.js"
import { type UtpMemory, UtpNet } from "./lib/utp-net.js"

const KiB = 1024
const MiB = 1024 * KiB
const LIMIT = 3_600_000
const at = (host: string): Endpoint => ({ host, port: 6881 })

describe("one uTP connection", () => {
  it.each([
    [2, 20],
    [1, 100],
    [5, 5],
  ])("fills a line of %d MiB a second that is %d ms long", async (rate, latency) => {
    expect(await goodput(await open({ up: rate * MiB, latency }), 8 * MiB * rate)).toBeGreaterThan(0.85 * rate * MiB)
  })

  it.each([0.01, 0.05])("gets out of a line with a loss of %d what TCP would", async (loss) => {
    // Mathis et al. 1997: packet / round trip x sqrt(3/2) / sqrt(loss).
    const reno = (1212 / 0.05) * Math.sqrt(1.5 / loss)
    expect(await goodput(await open({ up: MiB, latency: 25, loss }), 4 * MiB)).toBeGreaterThan(reno)
  })

  it("gets through when one packet in five is lost", async () => {
    expect(await goodput(await open({ up: MiB, latency: 25, loss: 0.2 }, 3), 256 * KiB)).toBeGreaterThan(5 * KiB)
  })

  it("begins small after a rest, and is soon where it was", async () => {
    const line = await open({ up: 4 * MiB, latency: 40 })
    await goodput(line, 8 * MiB)
    const { simulation, net, client, server } = line
    const before = server.length
    const sent: number[] = []
    await simulation.run(10_000)
    const watched = net.port.send.bind(net.port)
    net.port.send = (...args) => {
      sent.push(simulation.clock.now())
      watched(...args)
    }
    const start = simulation.clock.now()
    client.stream!.write(new SimRandom("more").bytes(2 * MiB))
    await simulation.runUntil(() => server.length >= before + 2 * MiB, LIMIT)
    const burst = sent.filter((time) => time - start < 10).length
    expect(burst).toBeGreaterThan(0)
    expect(burst).toBeLessThanOrEqual(5)
    // Half a second for the bytes themselves, and as much for seven round trips.
    expect(simulation.clock.now() - start).toBeLessThan(1500)
  })

  it("spreads a window over the round trip, though acknowledgements come at once", async () => {
    const line = await open({ latency: 50 })
    const sent: number[] = []
    const { simulation, net } = line
    const send = net.port.send.bind(net.port)
    net.port.send = (...args) => {
      sent.push(simulation.clock.now())
      send(...args)
    }
    await goodput(line, 16 * MiB)
    // The window is a megabyte by then, which is 865 packets in 100 ms.
    const last = sent.slice(-4000)
    const within10 = last.map((time, i) => last.slice(i).findIndex((later) => later - time > 10))
    expect(Math.max(...within10)).toBeLessThan(250)
  })

  it("goes on where a round trip takes no time at all", async () => {
    expect(await goodput(await open({ latency: 0 }), MiB)).toBeGreaterThan(MiB)
  })

  it("answers what was lost together once", async () => {
    const line = await open({ up: 4 * MiB, latency: 75 })
    const { simulation, net } = line
    await goodput(line, 4 * MiB)
    // Every fifth packet of a whole round trip is lost, which is known for longer than 100 ms.
    const send = net.port.send.bind(net.port)
    const start = simulation.clock.now()
    let count = 0
    net.port.send = (...args) => {
      if (simulation.clock.now() - start < 150 && ++count % 5 === 0) return
      send(...args)
    }
    await goodput(line, 4 * MiB)
    expect(count).toBeGreaterThan(100)
    net.port.send = send
    expect(await goodput(line, MiB)).toBeGreaterThan(2.3 * MiB)
  })

  it("makes up for a gap that no selective acknowledgement reaches across", async () => {
    const line = await open({ up: 40 * MiB, latency: 10 })
    const { net } = line
    // As libtorrent's do.
    tellNoFurther(36)
    await goodput(line, 8 * MiB)
    const send = net.port.send.bind(net.port)
    let count = 0
    net.port.send = (...args) => {
      if (++count > 100 && count <= 395) return
      send(...args)
    }
    // The time-out of half a second, and the bytes themselves.
    expect(await goodput(line, 2 * MiB)).toBeGreaterThan(2 * MiB)
  })

  it("does not take packets that overtake each other for lost ones, for ever", async () => {
    const line = await open({ up: MiB, latency: 25, reordering: 0.02, reorderingDelay: 5 })
    expect(await goodput(line, 4 * MiB)).toBeGreaterThan(0.3 * MiB)
  })

  it.each([
    {},
    // Packets are sent again that were only late, and what arrives then is the first of them.
    { reordering: 0.01, reorderingDelay: 30 },
    { jitter: 40 },
  ])("keeps the queue in front of a slow line near 100 ms, though it would hold seconds: %o", async (link) => {
    const line = await open({ up: MiB, latency: 10, ...link })
    const { simulation, client } = line
    const { host } = simulation.machine("10.0.0.1")
    client.stream!.write(new Uint8Array(64 * MiB))
    await simulation.run(20_000)
    const queues: number[] = []
    for (let i = 0; i < 50; i++) {
      await simulation.run(100)
      queues.push(host.reserveUp(simulation.clock.now(), 0) - simulation.clock.now())
    }
    expect(Math.max(...queues)).toBeLessThan(200)
    expect(Math.min(...queues)).toBeGreaterThan(20)
  })

  it("keeps it there for as long as it fills the line, with another connection", async () => {
    const { simulation, net, client } = await open({ up: 64 * KiB, latency: 10 })
    const { host } = simulation.machine("10.0.0.1")
    const second = new Recorder()
    second.stream = net.connect(at("10.0.0.2"), second)
    await simulation.runUntil(second.untilOpen())
    for (const each of [client, second]) each.stream!.write(new Uint8Array(128 * MiB))
    // Longer than twice the time for which a base delay is remembered.
    await simulation.run(1_800_000)
    let sum = 0
    for (let i = 0; i < 100; i++) {
      await simulation.run(100)
      sum += host.reserveUp(simulation.clock.now(), 0) - simulation.clock.now()
    }
    expect(sum / 100).toBeLessThan(200)
    expect(sum / 100).toBeGreaterThan(20)
  })

  it.each([
    [1, 10, 300],
    [2, 20, 1000],
  ])(
    "gives way to what fills a line without asking, of %d MiB a second, %d ms and %d more, and comes back",
    async (up, latency, queued) => {
      const line = await open({ up: up * MiB, latency })
      const { simulation, client, server } = line
      const { host } = simulation.machine("10.0.0.1")
      const rate = async (seconds: number, others: number) => {
        const before = server.length
        for (let i = 0; i < seconds * 100; i++) {
          // Keeps so many ms of packets in the queue, as a TCP connection does that nothing stops.
          const queue = host.reserveUp(simulation.clock.now(), 0) - simulation.clock.now()
          if (others > 0 && queue < others) host.reserveUp(simulation.clock.now(), ((others - queue) / 1000) * up * MiB)
          await simulation.run(10)
        }
        return (server.length - before) / seconds
      }
      client.stream!.write(new Uint8Array(256 * MiB))
      await rate(10, 0)
      const alone = await rate(10, 0)
      await rate(20, queued)
      expect(await rate(10, queued)).toBeLessThan(0.1 * alone)
      await rate(10, 0)
      expect(await rate(10, 0)).toBeGreaterThan(0.8 * alone)
    },
  )

  it("stands for hours in silence, and is still known to gateways", async () => {
    const { simulation, client, server, net } = await open({ latency: 20 })
    client.stream!.write(new Uint8Array(1))
    let sent = 0
    const send = net.port.send.bind(net.port)
    net.port.send = (datagram, to) => {
      sent++
      send(datagram, to)
    }
    await simulation.run(3_600_000)
    expect(sent).toBeGreaterThan(100)
    server.stream!.write(new Uint8Array(10))
    await simulation.runUntil(() => client.length === 10, 1000)
  })

  it("fails when the other side is gone, and tells a side that is back from a crash that nothing is known of it", async () => {
    const line = await open({ latency: 20 })
    const { simulation, client, server } = line
    client.stream!.write(new Uint8Array(10))
    await simulation.runUntil(() => server.length === 10, 1000)
    simulation.machine("10.0.0.2").host.cutOff()
    client.stream!.write(new Uint8Array(10))
    const start = simulation.clock.now()
    await simulation.runUntil(() => client.closed !== undefined, 120_000)
    expect(client.closed?.error).toBeInstanceOf(Error)
    expect(simulation.clock.now() - start).toBeGreaterThan(15_000)
    expect(simulation.clock.now() - start).toBeLessThan(20_000)
    simulation.machine("10.0.0.2").host.comeBack()
    server.stream!.write(new Uint8Array(10))
    await simulation.runUntil(() => server.closed !== undefined, 1000)
    expect(server.closed?.error?.message).toContain("reset")
  })
})

describe("a uTP port", () => {
  /** A stranger that sends what he likes. */
  async function stranger(simulation: Simulation, address = "10.0.0.66") {
    const answers: { bytes: number; packet: UtpPacket }[] = []
    const { udp } = simulation.platform(address)
    const socket = await simulation.runUntil(
      udp.open({ family: 4, port: 6881 }, (datagram) => {
        const packet = new UtpPacket()
        packet.read(datagram)
        answers.push({ bytes: datagram.length, packet })
      }),
    )
    return { answers, socket }
  }

  const current = { timestamp: 5, timestampDifference: 0, window: MiB, ack: 0 }

  it("keeps few of those who knock without a place, and sends them no more than they sent", async () => {
    const line = await open({})
    const { simulation, far } = line
    const { answers, socket } = await stranger(simulation)
    let sent = 0
    for (let id = 0; id < 3000; id++) {
      const syn = encodeBare({ type: UTP_TYPE.syn, connectionId: id * 2, sequence: 1 }, current, new Uint8Array(0))
      sent += syn.length
      socket.send(syn, at("10.0.0.2"))
    }
    await simulation.run(500)
    expect(far.socket.connectionCount).toBeLessThan(80)
    // Somebody honest still gets in.
    const other = new Recorder()
    line.net.connect(at("10.0.0.2"), other).write(new Uint8Array(3))
    await simulation.runUntil(() => other.events.includes("open"), 1000)
    await simulation.run(20_000)
    expect(far.socket.connectionCount).toBe(2)
    expect(answers.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(sent)
  })

  it("answers packets of no connection with a reset of the same length at most, and not all of a flood", async () => {
    const { simulation } = await open({})
    const { answers, socket } = await stranger(simulation)
    for (let id = 0; id < 3000; id++) {
      const fixed = { type: UTP_TYPE.data, connectionId: id, sequence: 77 }
      socket.send(encodeBare(fixed, current, new Uint8Array(0)), at("10.0.0.2"))
    }
    await simulation.run(500)
    expect(answers.length).toBeGreaterThan(0)
    expect(answers.length).toBeLessThanOrEqual(50)
    for (const { bytes, packet } of answers) {
      expect(bytes).toBe(20)
      expect(packet.type).toBe(UTP_TYPE.reset)
      expect(packet.ack).toBe(77)
    }
  })

  it("sends nothing more to a place that has not proved itself", async () => {
    const { simulation, far } = await open({})
    const { answers, socket } = await stranger(simulation)
    const syn = encodeBare({ type: UTP_TYPE.syn, connectionId: 9, sequence: 1 }, current, new Uint8Array(0))
    socket.send(syn, at("10.0.0.2"))
    await simulation.run(100)
    expect(answers).toHaveLength(1)
    // Whoever only guesses our first number is not believed, however near he comes.
    const accepted = vi.fn()
    far.socket.listen(accepted)
    const first = answers[0]!.packet.sequence
    const fixed = { type: UTP_TYPE.state, connectionId: 10, sequence: 2 }
    for (const wrong of [500, 1, 0, -2, -3, -10, -60, -500]) {
      socket.send(encodeBare(fixed, { ...current, ack: (first + wrong) & 0xffff }, new Uint8Array(0)), at("10.0.0.2"))
    }
    await simulation.run(30_000)
    expect(answers).toHaveLength(1)
    expect(accepted).not.toHaveBeenCalled()
    expect(far.socket.connectionCount).toBe(1)
  })

  it("is not disturbed by a connection's other side that acknowledges what was never sent, and lies of its window", async () => {
    const { simulation, far } = await open({})
    const { answers, socket } = await stranger(simulation)
    const fixed = { type: UTP_TYPE.syn, connectionId: 9, sequence: 1 }
    socket.send(encodeBare(fixed, current, new Uint8Array(0)), at("10.0.0.2"))
    await simulation.run(100)
    const heard = new Recorder()
    far.socket.listen((stream) => {
      heard.stream = stream
      return heard
    })
    const first = answers[0]!.packet.sequence
    const random = new SimRandom("liar")
    const say = (fields: Partial<typeof current>, sequence: number, sack: Uint8Array = new Uint8Array(0), type = 2) => {
      const head = { type: type as 0 | 1 | 2, connectionId: 10, sequence: sequence & 0xffff }
      socket.send(encodeBare(head, { ...current, ack: (first - 1) & 0xffff, ...fields }, sack), at("10.0.0.2"))
    }
    say({}, 2)
    await simulation.run(100)
    heard.stream!.write(new Uint8Array(MiB))
    for (let i = 0; i < 5000; i++) {
      say(
        {
          ack: (first + random.below(200) - 100) & 0xffff,
          window: random.below(5000),
          timestampDifference: random.word(),
        },
        random.below(2000),
        random.bytes(4 * random.below(60)),
        random.below(2) * 2,
      )
      if (i % 50 === 0) await simulation.run(20)
    }
    say({ window: 0 }, 2)
    await simulation.run(120_000)
    heard.stream!.destroy()
    await simulation.run(120_000)
    expect(far.socket.connectionCount).toBe(1)
  })

  /** A stranger's connection to 10.0.0.2, and how he says something on it. */
  async function strangersConnection() {
    const { simulation, far } = await open({})
    const { answers, socket } = await stranger(simulation)
    const heard = new Recorder()
    far.socket.listen((stream) => {
      heard.stream = stream
      return heard
    })
    const syn = encodeBare({ type: UTP_TYPE.syn, connectionId: 9, sequence: 1 }, current, new Uint8Array(0))
    socket.send(syn, at("10.0.0.2"))
    await simulation.run(100)
    const ack = (answers[0]!.packet.sequence - 1) & 0xffff
    const say = (type: 0 | 1 | 2, sequence: number, behind = 0): void => {
      const head = encodeBare({ type, connectionId: 10, sequence }, { ...current, ack }, new Uint8Array(0))
      const packet = new Uint8Array(head.length + behind)
      packet.set(head)
      socket.send(packet, at("10.0.0.2"))
    }
    say(2, 2)
    await simulation.run(100)
    return { simulation, far, heard, say }
  }

  it("lets go of a connection that it has closed, whatever the other side goes on to say", async () => {
    const { simulation, far, heard, say } = await strangersConnection()
    heard.stream!.destroy()
    for (let second = 0; second < 60; second++) {
      say(2, 2)
      await simulation.run(1000)
    }
    expect(far.socket.connectionCount).toBe(1)
  })

  it.each([-1, 0, 5000])("does not believe an end that stands %d packets behind what has come", async (distance) => {
    const { simulation, heard, say } = await strangersConnection()
    say(0, 2, 10)
    await simulation.run(100)
    say(1, (2 + distance) & 0xffff)
    await simulation.run(100)
    say(0, 3, 10)
    say(1, 4)
    await simulation.run(100)
    expect(heard.length).toBe(20)
    expect(heard.closed).toEqual({ error: undefined })
  })

  it("keeps nothing of what stands behind an end", async () => {
    const put = vi.spyOn(Incoming.prototype, "put")
    const { simulation, say } = await strangersConnection()
    for (let sequence = 900; sequence > 2; sequence--) say(1, sequence, 1200)
    await simulation.run(1000)
    const kept = put.mock.calls.map(([, payload]) => payload.buffer.byteLength)
    put.mockRestore()
    expect(kept.length).toBeGreaterThan(0)
    expect(Math.max(...kept)).toBe(0)
  })
})

describe("all connections of a socket", () => {
  const COUNT = 20
  const LENGTH = 256 * KiB
  const SHARED = 512 * KiB
  const LEAST = 16 * KiB
  /** A datagram more than may be is taken by who waits for just that one. */
  const BOUND = SHARED + COUNT * (LEAST + 1232)

  /** So many connections at a time, each of which gives `LENGTH` bytes to a reader that rests. */
  async function crowd(memory: UtpMemory) {
    const simulation = createSimulation({ seed: 5 })
    const link = { latency: 20, up: 4 * MiB }
    const net = await simulation.runUntil(new UtpNet(simulation.platform("10.0.0.1", link), memory).open())
    const far = await simulation.runUntil(new UtpNet(simulation.platform("10.0.0.2"), memory).open(6881))
    const readers: Recorder[] = []
    far.socket.listen((stream) => {
      const reader = new Recorder()
      reader.stream = stream
      stream.pause()
      readers.push(reader)
      return reader
    })
    const data = new SimRandom("crowd").bytes(LENGTH)
    for (let i = 0; i < COUNT; i++) {
      const client = new Recorder()
      client.stream = net.connect(at("10.0.0.2"), client)
      client.stream.write(data)
    }
    const arrived = () => readers.length === COUNT && readers.every(({ length }) => length === LENGTH)
    return { simulation, net, far, readers, data, arrived }
  }

  it("keep no more than a bound for readers that rest, and still bring everything to each", async () => {
    const receiveMemory = new SharedMemory(SHARED, LEAST)
    const { simulation, readers, data, arrived } = await crowd({ receiveMemory })
    let most = 0
    for (let i = 0; i < 200; i++) {
      await simulation.run(50)
      most = Math.max(most, receiveMemory.used)
    }
    // It is used, and not exceeded, by those who would like to keep ten times as much.
    expect(most).toBeGreaterThan(SHARED)
    expect(most).toBeLessThanOrEqual(BOUND)
    // Those who read get all of theirs while the others hold what there is.
    const [first] = readers as [Recorder]
    first.stream!.resume()
    await simulation.runUntil(() => first.length === LENGTH, 60_000)
    expect(receiveMemory.used).toBeLessThanOrEqual(BOUND)
    for (const { stream } of readers) stream!.resume()
    await simulation.runUntil(arrived, 120_000)
    for (const { bytes } of readers) expect(fingerprint(bytes)).toBe(fingerprint(data))
    expect(receiveMemory.used).toBe(0)
  })

  it("don't let strangers sit on it with gaps that are never filled, and take nobody for one who only loses packets", async () => {
    const receiveMemory = new SharedMemory(SHARED, LEAST)
    const line = await open({ up: 4 * MiB, latency: 20, loss: 0.02 }, 1, { receiveMemory })
    const { simulation, far } = line
    await simulation.run(100)
    far.socket.listen(() => new Recorder())
    const { udp } = simulation.platform("10.0.0.66")
    const none = new Uint8Array(0)
    const current = { timestamp: 5, timestampDifference: 0, window: MiB }
    const firsts = new Map<number, number>()
    const stranger = await simulation.runUntil(
      udp.open({ family: 4, port: 6881 }, (datagram) => {
        const answer = new UtpPacket()
        if (!answer.read(datagram) || firsts.has(answer.connectionId)) return
        firsts.set(answer.connectionId, answer.sequence)
      }),
    )
    const say = (type: 0 | 2 | 4, connectionId: number, sequence: number, behind = 0) => {
      const ack = ((firsts.get(connectionId - 1) ?? 0) - 1) & 0xffff
      const head = encodeBare({ type, connectionId, sequence }, { ...current, ack }, none)
      const packet = new Uint8Array(head.length + behind)
      packet.set(head)
      stranger.send(packet, at("10.0.0.2"))
    }
    const COUNT = 4
    for (let id = 0; id < COUNT; id++) say(UTP_TYPE.syn, id * 10, 1)
    await simulation.run(100)
    expect(firsts.size).toBe(COUNT)
    // Every second packet; and one of those between now and then, so that no gap stands for long.
    for (let id = 0; id < COUNT; id++) {
      say(UTP_TYPE.state, id * 10 + 1, 2)
      for (let ahead = 3; ahead < 400; ahead += 2) say(UTP_TYPE.data, id * 10 + 1, ahead, 1200)
    }
    await simulation.run(100)
    expect(receiveMemory.used).toBeGreaterThan(0.9 * SHARED)
    expect(far.socket.connectionCount).toBe(COUNT + 1)
    for (let turn = 0; turn < 20; turn++) {
      for (let id = 0; id < COUNT; id++) say(UTP_TYPE.data, id * 10 + 1, 2 + 2 * turn, 1200)
      await goodput(line, 64 * KiB)
      await simulation.run(1000)
    }
    expect(receiveMemory.used).toBeLessThan(0.6 * SHARED)
    expect(line.client.closed).toBeUndefined()
  })

  it("count how long something waits for what stands before it, but not while its reader rests", () => {
    const incoming = new Incoming(10, new SharedMemory(SHARED, LEAST))
    const payload = new Uint8Array(1000)
    incoming.put(12, payload)
    incoming.put(14, payload)
    expect(incoming.waited(0)).toBe(0)
    expect(incoming.waited(5000)).toBe(5000)
    // One gap is filled; the other stood all the time.
    incoming.put(11, payload)
    while (incoming.take() !== undefined);
    expect(incoming.waited(6000)).toBe(6000)
    incoming.put(16, payload)
    incoming.put(13, payload)
    while (incoming.take() !== undefined);
    expect(incoming.waited(7000)).toBe(0)
    expect(incoming.waited(8000)).toBe(1000)
    incoming.put(15, payload)
    incoming.put(18, payload)
    expect(incoming.waited(9000)).toBe(0)
    expect(incoming.waited(30_000)).toBe(0)
  })

  it("have no more than a bound under way, and still bring everything to each", async () => {
    const sendMemory = new SharedMemory(SHARED, LEAST)
    const { simulation, readers, arrived } = await crowd({ sendMemory })
    for (const { stream } of readers) stream!.resume()
    let most = 0
    await simulation.runUntil(() => {
      for (const { stream } of readers) stream!.resume()
      most = Math.max(most, sendMemory.used)
      return arrived()
    }, 120_000)
    expect(most).toBeGreaterThan(SHARED / 2)
    expect(most).toBeLessThanOrEqual(BOUND)
    await simulation.run(5000)
    expect(sendMemory.used).toBe(0)
  })
})

describe("peers that TCP does not bring together", () => {
  /** A firewall that lets no TCP through. */
  function withoutTcp(platform: SimPlatform): SimPlatform {
    platform.net.connect = (remote, listener) => {
      platform.clock.after(1, () => listener.onClose(new Error("refused")))
      const nothing = () => {}
      return { remote, bufferedBytes: 0, write: () => false, pause: nothing, resume: nothing, destroy: nothing }
    }
    return platform
  }

  it.each([0, 0.02])("share by uTP, at a loss of %d", async (loss) => {
    const simulation = createSimulation({ seed: 4 })
    const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
    const seeder = simulation.platform("10.0.0.1", { up: 2 * MiB, loss })
    putDataset(seeder, dataset)
    const giving = await simulation.runUntil(startNode({ platform: seeder, dataset, fetch: false, seed: true }), LIMIT)
    const platform = withoutTcp(simulation.platform("10.0.0.2"))
    const node = await simulation.runUntil(startNode({ platform, dataset, peers: [at("10.0.0.1")] }), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), 120_000)
    await simulation.runUntil(Promise.all([node.close(), giving.close()]), LIMIT)
    expect(wrongFiles(platform, dataset)).toEqual([])
    await simulation.run(100)
    expect(platform.clock.pendingTimers + seeder.clock.pendingTimers).toBe(0)
  })

  it("share by uTP, encrypted", async () => {
    const simulation = createSimulation({ seed: 4 })
    const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 64 * KiB })
    const limits = { encryption: "require" as const }
    const seeder = simulation.platform("10.0.0.1", { up: 2 * MiB, loss: 0.01 })
    putDataset(seeder, dataset)
    const giver = startNode({ platform: seeder, dataset, fetch: false, seed: true, limits })
    const giving = await simulation.runUntil(giver, LIMIT)
    const platform = withoutTcp(simulation.platform("10.0.0.2"))
    const node = await simulation.runUntil(startNode({ platform, dataset, peers: [at("10.0.0.1")], limits }), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), 120_000)
    await simulation.runUntil(Promise.all([node.close(), giving.close()]), LIMIT)
    expect(wrongFiles(platform, dataset)).toEqual([])
    expect(String(platform.log)).toContain("connected, encrypted, by uTP")
  })

  it("stay apart where uTP is off", async () => {
    const simulation = createSimulation({ seed: 4 })
    const dataset = simDataset({ "a.bin": 64 * KiB }, { pieceLength: 64 * KiB })
    const seeder = simulation.platform("10.0.0.1")
    putDataset(seeder, dataset)
    const giving = await simulation.runUntil(startNode({ platform: seeder, dataset, fetch: false, seed: true }), LIMIT)
    const platform = withoutTcp(simulation.platform("10.0.0.2"))
    const limits = { utp: false }
    const node = await simulation.runUntil(startNode({ platform, dataset, peers: [at("10.0.0.1")], limits }), LIMIT)
    await simulation.run(60_000)
    expect(node.torrent.snapshot().fromPeers).toBe(0)
    await simulation.runUntil(Promise.all([node.close(), giving.close()]), LIMIT)
  })

  it("use TCP where it works", async () => {
    const simulation = createSimulation({ seed: 4 })
    const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
    const seeder = simulation.platform("10.0.0.1", { up: MiB })
    putDataset(seeder, dataset)
    const giving = await simulation.runUntil(startNode({ platform: seeder, dataset, fetch: false, seed: true }), LIMIT)
    const platform = simulation.platform("10.0.0.2")
    const datagrams: number[] = []
    const { open: openUdp } = platform.udp
    platform.udp.open = async (options, onMessage) => {
      const socket = await openUdp.call(platform.udp, options, onMessage)
      const send = socket.send.bind(socket)
      socket.send = (datagram, to) => {
        datagrams.push(datagram.length)
        send(datagram, to)
      }
      return socket
    }
    const node = await simulation.runUntil(startNode({ platform, dataset, peers: [at("10.0.0.1")] }), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), 120_000)
    expect(datagrams).toEqual([])
    await simulation.runUntil(Promise.all([node.close(), giving.close()]), LIMIT)
  })
})
