import { describe, expect, it } from "vitest"
import type { ByteStream } from "../../src/ports/net.js"
import { concat, fingerprint } from "../support/bytes.js"
import { deferred } from "../support/deferred.js"
import { serveFiles } from "./lib/serve-files.js"
import { SimRandom } from "./lib/sim-random.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"
import { SimulationError, VirtualClock } from "./lib/virtual-clock.js"

const DATA = new SimRandom("data").bytes(300_000)

/** Sends DATA from one host to another; resolves to what arrived. */
async function transfer(simulation: Simulation, onChunk = (_chunk: Uint8Array) => {}): Promise<Uint8Array> {
  const [from, to] = ["10.0.0.1", "10.0.0.2"]
  const received: Uint8Array[] = []
  const done = deferred()
  await simulation.platform(to).net.listen({ port: 7000 }, () => ({
    onOpen() {},
    onDrain() {},
    onData: (chunk) => {
      onChunk(chunk)
      received.push(chunk.slice())
    },
    onClose: (error) => (error ? done.reject(error) : done.resolve()),
  }))
  const stream = simulation.platform(from).net.connect(
    { host: to, port: 7000 },
    {
      onOpen: () => {
        for (let at = 0; at < DATA.length; at += 10_000) stream.write(DATA.slice(at, at + 10_000))
      },
      onData() {},
      onDrain: () => stream.destroy(),
      onClose() {},
    },
  )
  await done.promise
  return concat(received)
}

describe("the virtual clock", () => {
  it("lets promise chains of any length end before time moves on", async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.after(10, () => {
      void (async () => {
        for (let i = 0; i < 1000; i++) await Promise.resolve()
        seen.push(`chain at ${clock.now()}`)
        clock.after(5, () => seen.push(`inner at ${clock.now()}`))
      })()
    })
    clock.after(10.001, () => seen.push("next"))
    await clock.run(20)
    expect(seen).toEqual(["chain at 10", "next", "inner at 15"])
    expect(clock.now()).toBe(20)
  })

  it("says so when nothing can reach the goal any more, or not in time", async () => {
    const clock = new VirtualClock()
    await expect(clock.runUntil(new Promise<void>(() => {}))).rejects.toThrow(SimulationError)
    clock.after(500, () => {})
    await expect(clock.runUntil(() => clock.now() >= 500, 100)).rejects.toThrow("100 ms")
  })
})

describe("the virtual network", () => {
  it("gives the same run for the same seed, and another for another", async () => {
    const run = async (seed: number) => {
      const simulation = createSimulation({ seed })
      const chunkLengths: number[] = []
      await simulation.runUntil(transfer(simulation, (chunk) => chunkLengths.push(chunk.length)))
      return [simulation.clock.eventCount, simulation.clock.now(), ...chunkLengths]
    }
    expect(await run(1)).toEqual(await run(1))
    expect(await run(1)).not.toEqual(await run(2))
  })

  it("takes the time that latency and bandwidth ask for", async () => {
    const simulation = createSimulation({ seed: 1 })
    simulation.machine("10.0.0.1", { up: 100_000, latency: 20 })
    simulation.machine("10.0.0.2", { latency: 30 })
    expect(fingerprint(await simulation.runUntil(transfer(simulation)))).toBe(fingerprint(DATA))
    // 150 ms for the handshake and the last bytes' way, 3 s for the bytes, a little for headers.
    expect(simulation.clock.now()).toBeGreaterThan(3150)
    expect(simulation.clock.now()).toBeLessThan(3300)
  })

  it("holds a connection's bytes while a host is cut off, and loses none", async () => {
    const simulation = createSimulation({ seed: 1 })
    const { host } = simulation.machine("10.0.0.1", { up: 100_000 })
    const transferred = transfer(simulation)
    await simulation.run(1000)
    host.cutOff()
    await simulation.run(60_000)
    host.comeBack()
    expect(fingerprint(await simulation.runUntil(transferred))).toBe(fingerprint(DATA))
    expect(simulation.clock.now()).toBeGreaterThan(61_000)
  })

  it("breaks a connection whose other side never comes back", async () => {
    const simulation = createSimulation({ seed: 1 })
    const closed = deferred<Error | undefined>()
    await simulation.runUntil(
      simulation.platform("10.0.0.2").net.listen({ port: 1 }, () => ({
        onOpen() {},
        onData() {},
        onDrain() {},
        onClose() {},
      })),
    )
    const stream: ByteStream = simulation
      .platform("10.0.0.1")
      .net.connect(
        { host: "10.0.0.2", port: 1 },
        { onOpen: () => stream.write(DATA.slice()), onData() {}, onDrain() {}, onClose: closed.resolve },
      )
    await simulation.run(16)
    simulation.machine("10.0.0.2").host.cutOff()
    expect(await simulation.runUntil(closed.promise)).toMatchObject({ code: "ETIMEDOUT" })
  })

  it("resets a half-open connection at the first byte after a power cut", async () => {
    const simulation = createSimulation({ seed: 1 })
    const closed = deferred<Error | undefined>()
    const opened = deferred()
    const quiet = { onOpen() {}, onData() {}, onDrain() {}, onClose() {} }
    await simulation.runUntil(simulation.platform("10.0.0.2").net.listen({ port: 1 }, () => quiet))
    const stream = simulation
      .platform("10.0.0.1")
      .net.connect({ host: "10.0.0.2", port: 1 }, { ...quiet, onOpen: opened.resolve, onClose: closed.resolve })
    await simulation.runUntil(opened.promise)
    simulation.machine("10.0.0.2").powerCut()
    await simulation.run(60_000)
    stream.write(new Uint8Array(1))
    expect(await simulation.runUntil(closed.promise)).toMatchObject({ code: "ECONNRESET" })
  })

  it("resets the other side when it closes on bytes it has not read", async () => {
    const simulation = createSimulation({ seed: 1 })
    const closed = deferred<Error | undefined>()
    const quiet = { onOpen() {}, onData() {}, onDrain() {}, onClose() {} }
    const listening = simulation.platform("10.0.0.2").net.listen({ port: 1 }, (accepted) => {
      accepted.pause()
      simulation.clock.after(1000, () => accepted.destroy())
      return quiet
    })
    await simulation.runUntil(listening)
    const stream: ByteStream = simulation
      .platform("10.0.0.1")
      .net.connect({ host: "10.0.0.2", port: 1 }, { ...quiet, onClose: closed.resolve })
    stream.write(DATA.slice())
    expect(await simulation.runUntil(closed.promise)).toMatchObject({ code: "ECONNRESET" })
  })

  it("loses, doubles and reorders datagrams as told", async () => {
    const simulation = createSimulation({ seed: 1 })
    const sender = simulation.platform("10.0.0.1", { loss: 0.3, duplication: 0.1, reordering: 0.2 })
    const seen: number[] = []
    const receiving = simulation.platform("10.0.0.2").udp.open({ family: 4, port: 9 }, (datagram) => {
      seen.push(datagram[0]! * 256 + datagram[1]!)
    })
    await simulation.runUntil(receiving)
    const socket = await simulation.runUntil(sender.udp.open({ family: 4, port: 0 }, () => {}))
    for (let i = 0; i < 1000; i++) {
      socket.send(new Uint8Array([i >> 8, i]), { host: "10.0.0.2", port: 9 })
      await simulation.run(10)
    }
    await simulation.clock.runUntilIdle()
    const different = new Set(seen)
    expect(different.size).toBeGreaterThan(620)
    expect(different.size).toBeLessThan(780)
    expect(seen.length).toBeGreaterThan(different.size)
    expect([...different]).not.toEqual([...different].sort((a, b) => a - b))
  })
})

describe("the memory disk", () => {
  const write = async (simulation: Simulation, sync: boolean) => {
    const { disk } = simulation.platform("10.0.0.1")
    await disk.makeDirectory("/data")
    const file = await disk.open("/data/file", "create")
    await file.write([DATA.subarray(0, 10_000)], 0)
    if (sync) {
      await file.sync()
      await disk.syncDirectory("/")
      await disk.syncDirectory("/data")
    }
    await file.write([DATA.subarray(10_000, 20_000)], 10_000)
  }

  it("keeps everything when the process dies, and only what was synced when the power fails", async () => {
    const simulation = createSimulation({ seed: 1 })
    await simulation.runUntil(write(simulation, true))
    const { disk } = simulation.machine("10.0.0.1")
    expect(fingerprint(disk.fork().readFile("/data/file"))).toBe(fingerprint(DATA.subarray(0, 20_000)))
    expect(fingerprint(disk.crash().readFile("/data/file"))).toBe(fingerprint(DATA.subarray(0, 10_000)))
    expect(fingerprint(disk.crash({ keep: 1 }).readFile("/data/file"))).toBe(fingerprint(DATA.subarray(0, 20_000)))
    expect(disk.isSafe).toBe(false)
    const halves = [1, 2, 3, 4, 5].map((sample) =>
      fingerprint(disk.crash({ keep: 0.5, sample }).readFile("/data/file")),
    )
    expect(new Set(halves).size).toBeGreaterThan(1)
    expect(fingerprint(disk.crash({ keep: 0.5, sample: 1 }).readFile("/data/file"))).toBe(halves[0])
  })

  it("forgets names that no directory sync made safe", async () => {
    const simulation = createSimulation({ seed: 1 })
    await simulation.runUntil(write(simulation, false))
    expect(simulation.machine("10.0.0.1").disk.crash().filePaths()).toEqual([])
  })

  it("does not make safe what a failed sync let go of, whatever the next sync says", async () => {
    const simulation = createSimulation({ seed: 1 })
    const { disk } = simulation.platform("10.0.0.1")
    disk.putFile("/file", new Uint8Array(5000))
    disk.failAt(({ kind }) => kind === "sync", "io")
    const file = await simulation.runUntil(disk.open("/file", "write"))
    await simulation.runUntil(file.write([DATA.subarray(0, 5000)], 0))
    await expect(simulation.runUntil(file.sync())).rejects.toMatchObject({ failure: "io" })
    await simulation.runUntil(file.sync())
    expect(fingerprint(disk.readFile("/file"))).toBe(fingerprint(DATA.subarray(0, 5000)))
    expect(fingerprint(disk.crash().readFile("/file"))).toBe(fingerprint(new Uint8Array(5000)))
    await simulation.runUntil(file.write([DATA.subarray(0, 5000)], 0))
    await simulation.runUntil(file.sync())
    expect(fingerprint(disk.crash().readFile("/file"))).toBe(fingerprint(DATA.subarray(0, 5000)))
  })

  it("writes what fits and then says that it is full", async () => {
    const simulation = createSimulation({ seed: 1 })
    const { disk } = simulation.platform("10.0.0.1", { disk: { freeBytes: 10_000 } })
    const file = await simulation.runUntil(disk.open("/file", "create"))
    await expect(simulation.runUntil(file.write([DATA.subarray(0, 20_000)], 100))).rejects.toMatchObject({
      failure: "full",
    })
    expect(await simulation.runUntil(file.stat())).toMatchObject({ size: 8192 })
    expect(fingerprint(disk.readFile("/file")?.subarray(100))).toBe(fingerprint(DATA.subarray(0, 8092)))
    disk.setFreeBytes(50_000)
    await simulation.runUntil(file.write([DATA.subarray(0, 20_000)], 100))
  })

  it("reads a write's source when the write completes, so memory used again too early shows", async () => {
    const simulation = createSimulation({ seed: 1 })
    const file = await simulation.runUntil(simulation.platform("10.0.0.1").disk.open("/file", "create"))
    const source = new Uint8Array(100).fill(1)
    const written = file.write([source], 0)
    source.fill(2)
    await simulation.runUntil(written)
    expect(simulation.machine("10.0.0.1").disk.readFile("/file")).toEqual(new Uint8Array(100).fill(2))
  })

  it("fails the operation it is told to, once or for ever", async () => {
    const simulation = createSimulation({ seed: 1 })
    const { disk } = simulation.platform("10.0.0.1")
    disk.failAt(1, "io")
    await simulation.runUntil(disk.makeDirectory("/a"))
    await expect(simulation.runUntil(disk.makeDirectory("/b"))).rejects.toMatchObject({ failure: "io" })
    await simulation.runUntil(disk.makeDirectory("/b"))
    disk.failAt(0, "read-only", "forever")
    for (const name of ["/c", "/d"]) {
      await expect(simulation.runUntil(disk.makeDirectory(name))).rejects.toMatchObject({ failure: "read-only" })
    }
    expect(disk.operations.map(({ kind, path }) => `${kind} ${path}`)).toContain("make-directory /d")
  })
})

describe("a machine", () => {
  it("runs nothing of a killed process, and keeps its disk", async () => {
    const simulation = createSimulation({ seed: 1 })
    const machine = simulation.machine("10.0.0.1")
    const before = machine.platform
    let afterDeath = 0
    before.clock.after(1000, () => afterDeath++)
    before.disk.makeDirectory("/later").then(
      () => afterDeath++,
      () => afterDeath++,
    )
    await simulation.runUntil(before.acquireLock("/lock"))
    await expect(simulation.runUntil(before.acquireLock("/lock"))).rejects.toMatchObject({ code: "AT_LOCKED" })
    afterDeath = 0
    const after = machine.restart()
    await simulation.run(10_000)
    expect(afterDeath).toBe(0)
    expect(await simulation.runUntil(after.disk.bootId())).toBe("boot-1")
    await simulation.runUntil(after.acquireLock("/lock"))
    expect(await simulation.runUntil(machine.powerCut().disk.bootId())).toBe("boot-2")
  })
})

describe("the virtual web", () => {
  const get = (simulation: Simulation, url: string, headers: Record<string, string> = {}) => {
    const outcome = deferred<{ status: number; body: string; headers: Record<string, string> }>()
    const chunks: Uint8Array[] = []
    let head = { status: 0, headers: {} as Record<string, string> }
    simulation.platform("10.0.0.1").http.get(
      { url, headers, idleTimeout: 20_000 },
      {
        onHead: ({ status, headers }) => {
          head = { status, headers: { ...headers } }
        },
        onData: (chunk) => chunks.push(chunk.slice()),
        onEnd: () => outcome.resolve({ ...head, body: fingerprint(concat(chunks)) }),
        onError: outcome.reject,
      },
    )
    return simulation.runUntil(outcome.promise)
  }

  it("serves files and ranges over kept connections", async () => {
    const simulation = createSimulation({ seed: 1 })
    const origin = simulation.web.serve("http://seed.example", serveFiles({ "/a b.csv": DATA }))
    expect(await get(simulation, "http://seed.example/a%20b.csv")).toMatchObject({
      status: 200,
      body: fingerprint(DATA),
    })
    const part = await get(simulation, "http://seed.example/a%20b.csv", { range: "bytes=100-199" })
    expect(part).toMatchObject({ status: 206, body: fingerprint(DATA.subarray(100, 200)) })
    expect(part.headers).toMatchObject({ "content-range": "bytes 100-199/300000", "content-length": "100" })
    expect(await get(simulation, "http://seed.example/none")).toMatchObject({ status: 404 })
    expect(origin).toMatchObject({ connections: 1, requests: { length: 3 } })
  })

  it("fails as told", async () => {
    const simulation = createSimulation({ seed: 1 })
    const fault = (path: string) =>
      ({ "/cut": { cutAfter: 1000 }, "/stall": { stallAfter: 1000 }, "/reset": "reset" as const })[path]
    const files = { "/cut": DATA, "/stall": DATA, "/reset": DATA }
    simulation.web.serve("http://seed.example", serveFiles(files, { fault: ({ path }) => fault(path) }))
    await expect(get(simulation, "http://seed.example/cut")).rejects.toMatchObject({ failure: "network" })
    await expect(get(simulation, "http://seed.example/reset")).rejects.toMatchObject({ failure: "network" })
    const before = simulation.clock.now()
    await expect(get(simulation, "http://seed.example/stall")).rejects.toMatchObject({ failure: "timeout" })
    expect(simulation.clock.now() - before).toBeGreaterThan(20_000)
  })
})
