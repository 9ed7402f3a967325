import { connect } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { NodeNet } from "../../../src/node/tcp.js"
import type { ByteStream, StreamListener } from "../../../src/ports/net.js"
import { deferred } from "../../support/deferred.js"
import { serveRaw } from "../../support/raw-server.js"

const net = new NodeNet()
const cleanUps: Array<() => unknown> = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const silence: StreamListener = { onOpen() {}, onData() {}, onDrain() {}, onClose() {} }

describe("TCP on Node", () => {
  it("shares its receive buffer between connections without mixing their bytes", async () => {
    const port = await serveRaw(cleanUps, (socket) => {
      socket.once("data", ([letter]) => {
        const chunk = Buffer.alloc(300_000, letter)
        for (let i = 0; i < 20; i++) socket.write(chunk)
        socket.end()
      })
    })
    const results = await Promise.all(
      [1, 2, 3, 4].map((letter) => {
        const end = deferred<{ length: number; foreign: number }>()
        let length = 0
        let foreign = 0
        const stream = net.connect(
          { host: "127.0.0.1", port },
          {
            ...silence,
            onOpen: () => stream.write(Uint8Array.of(letter)),
            onData: (chunk) => {
              length += chunk.length
              for (const byte of chunk) if (byte !== letter) foreign++
            },
            onClose: () => end.resolve({ length, foreign }),
          },
        )
        return end.promise
      }),
    )
    expect(results).toEqual([1, 2, 3, 4].map(() => ({ length: 6_000_000, foreign: 0 })))
  })

  it("holds the sender back while paused, on connections of both kinds", async () => {
    const total = 64 * 1024 * 1024
    const chunk = new Uint8Array(1024 * 1024)
    const received = { outgoing: 0, accepted: 0 }
    const done = { outgoing: deferred(), accepted: deferred() }
    const streams: Partial<Record<"outgoing" | "accepted", ByteStream>> = {}
    const listenerOf = (side: "outgoing" | "accepted"): StreamListener => {
      let left = total
      const send = (): void => {
        while (left > 0) {
          left -= chunk.length
          if (streams[side]?.write(chunk.slice()) === false) return
        }
      }
      return {
        onOpen: send,
        onDrain: send,
        onData: (bytes) => {
          // The first bytes stop it; they go on when the test says so.
          if (received[side] === 0) streams[side]?.pause()
          received[side] += bytes.length
          if (received[side] === total) done[side].resolve()
        },
        onClose() {},
      }
    }
    const accepting = deferred()
    const listener = await net.listen({ port: 0, host: "127.0.0.1" }, (stream) => {
      streams.accepted = stream
      const accepted = listenerOf("accepted")
      setImmediate(() => {
        accepted.onDrain()
        accepting.resolve()
      })
      return accepted
    })
    streams.outgoing = net.connect({ host: "127.0.0.1", port: listener.port }, listenerOf("outgoing"))
    cleanUps.push(
      () => listener.close(),
      () => streams.outgoing?.destroy(),
      () => streams.accepted?.destroy(),
    )
    await accepting.promise
    // Both kernels' buffers fill up and both senders keep the rest: nothing moves any more.
    let before = -1
    while (before !== received.outgoing + received.accepted || before <= 0) {
      before = received.outgoing + received.accepted
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(received.outgoing).toBeLessThan(total / 2)
    expect(received.accepted).toBeLessThan(total / 2)
    expect(streams.outgoing.bufferedBytes).toBeGreaterThan(0)
    streams.outgoing.resume()
    streams.accepted?.resume()
    await Promise.all([done.outgoing.promise, done.accepted.promise])
  })

  it("says nothing more of the data after destroy, and the end once", async () => {
    const port = await serveRaw(cleanUps, (socket) => socket.write(Buffer.alloc(1_000_000)))
    const heard: string[] = []
    const closed = deferred()
    const stream = net.connect(
      { host: "127.0.0.1", port },
      {
        ...silence,
        onData: () => {
          heard.push("data")
          stream.destroy()
          stream.destroy()
          heard.push("destroyed")
        },
        onClose: (error) => {
          heard.push(`close ${error}`)
          closed.resolve()
        },
      },
    )
    await closed.promise
    await new Promise((resolve) => setImmediate(resolve))
    expect(heard).toEqual(["data", "destroyed", "close undefined"])
    expect(stream.write(new Uint8Array(1))).toBe(false)
  })

  it.each([
    { host: "localhost", port: 80, what: "a name" },
    { host: "127.0.0.1", port: 0, what: "port 0" },
    { host: "127.0.0.1", port: 70_000, what: "a port too high" },
  ])("fails on $what by onClose, after the call", async ({ host, port }) => {
    const closed = deferred<Error | undefined>()
    let returned = false
    net.connect({ host, port }, { ...silence, onClose: (error) => closed.resolve(returned ? error : undefined) })
    returned = true
    expect(await closed.promise).toBeInstanceOf(Error)
  })

  it("accepts IPv4 and shows it as IPv4 on a port of all interfaces", async () => {
    const host = deferred<string>()
    const listener = await net.listen({ port: 0 }, (stream) => {
      host.resolve(stream.remote.host)
      stream.destroy()
      return silence
    })
    cleanUps.push(() => listener.close())
    const socket = connect({ host: "127.0.0.1", port: listener.port })
    socket.on("error", () => {})
    cleanUps.push(() => socket.destroy())
    expect(await host.promise).toBe("127.0.0.1")
  })

  it("frees its port at once when closed, and leaves accepted connections alone", async () => {
    const accepted = deferred<ByteStream>()
    const echoed = deferred<number>()
    const listener = await net.listen({ port: 0, host: "127.0.0.1" }, (stream) => {
      accepted.resolve(stream)
      return silence
    })
    const client = net.connect(
      { host: "127.0.0.1", port: listener.port },
      { ...silence, onData: ([byte = 0]) => echoed.resolve(byte) },
    )
    const stream = await accepted.promise
    cleanUps.push(() => stream.destroy())
    cleanUps.push(() => client.destroy())
    await listener.close()
    const again = await net.listen({ port: listener.port, host: "127.0.0.1" }, () => silence)
    await again.close()
    stream.write(Uint8Array.of(42))
    expect(await echoed.promise).toBe(42)
  })

  it("rejects with the system's error when the port is taken", async () => {
    const listener = await net.listen({ port: 0, host: "127.0.0.1" }, () => silence)
    cleanUps.push(() => listener.close())
    await expect(net.listen({ port: listener.port, host: "127.0.0.1" }, () => silence)).rejects.toMatchObject({
      code: "EADDRINUSE",
    })
  })

  it("resolves an address to itself, in its plain form", async () => {
    expect(await net.resolve("::ffff:10.1.2.3")).toEqual(["10.1.2.3"])
    expect(await net.resolve("[::1]")).toEqual(["::1"])
    expect(await net.resolve("localhost")).toContain("127.0.0.1")
  })
})
