import { describe, expect } from "vitest"
import type { Clock } from "../../src/ports/clock.js"
import type { ByteStream, Listener, Net } from "../../src/ports/net.js"
import { fingerprint } from "../support/bytes.js"
import { Recorder } from "./net-recorder.js"
import { holds, type MakeStage } from "./stage.js"

export interface NetSubject {
  readonly clock: Clock
  readonly client: Net
  readonly server: Net
  /** Where the client finds the server; IPv6 is absent where there is none. */
  readonly addresses: { readonly 4: string; readonly 6: string | undefined }
}

interface Connection {
  readonly client: Recorder
  readonly clientStream: ByteStream
  readonly server: Recorder
  readonly serverStream: ByteStream
  readonly listener: Listener
}

/** Connects, and returns both ends once both stand. */
async function connect(subject: NetSubject, host = subject.addresses[4]): Promise<Connection> {
  const server = new Recorder()
  const listener = await subject.server.listen({ port: 0 }, (stream) => {
    server.stream = stream
    return server
  })
  const client = new Recorder()
  client.inside++
  const clientStream = subject.client.connect({ host, port: listener.port }, client)
  client.inside--
  await client.untilOpen()
  // The first byte shows that the other side has accepted.
  clientStream.write(new Uint8Array([7]))
  await server.untilLength(1)
  server.chunks.length = 0
  server.length = 0
  return { client, clientStream, server, serverStream: server.stream!, listener }
}

/** Ends both sides, and waits until both have heard it. */
async function finish({ client, clientStream, server, serverStream, listener }: Connection): Promise<void> {
  clientStream.destroy()
  serverStream.destroy()
  await Promise.all([client.untilClosed(), server.untilClosed()])
  await listener.close()
  expect([client.count("close"), server.count("close")]).toEqual([1, 1])
}

/** There and back on a connection of its own, a few times: what was about to arrive elsewhere has arrived. */
async function passTime(subject: NetSubject): Promise<void> {
  const connection = await connect(subject)
  for (let i = 1; i <= 5; i++) {
    connection.clientStream.write(new Uint8Array(1))
    await connection.server.untilLength(i)
    connection.serverStream.write(new Uint8Array(1))
    await connection.client.untilLength(i)
  }
  await finish(connection)
}

/** Bytes that show where they belong: no two blocks are alike. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i ^ (i >> 7) ^ (i >> 15)) & 0xff
  return bytes
}

/** Writes all of it as the contract wants: until `write` says false, then on after `onDrain`. */
async function writeAll(stream: ByteStream, recorder: Recorder, data: Uint8Array, step: number): Promise<void> {
  for (let at = 0; at < data.length; at += step) {
    const drains = recorder.count("drain")
    if (stream.write(data.slice(at, at + step))) continue
    await recorder.until(() => recorder.count("drain") > drains || recorder.closed !== undefined)
  }
}

/** What `src/ports/net.ts` promises. */
export function describeNetCompliance(name: string, make: MakeStage<NetSubject>): void {
  describe(`net of ${name}`, () => {
    for (const family of [4, 6] as const) {
      holds(`connects over IPv${family}, and both ends know each other`, make, async (subject, skip) => {
        const host = subject.addresses[family] ?? skip(`no IPv${family} here`)
        const connection = await connect(subject, host)
        const { client, clientStream, server, serverStream, listener } = connection
        expect(clientStream.remote).toEqual({ host, port: listener.port })
        expect(serverStream.remote.port).toBeGreaterThan(0)
        expect(serverStream.remote.host.includes(":")).toBe(family === 6)
        if (clientStream.utp !== true) {
          expect(serverStream.ownHost).toBe(host)
          // With a proxy, that which leads to the proxy.
          expect(clientStream.ownHost).toBeDefined()
        }
        expect(client.events).toEqual(["open"])
        expect(server.events).not.toContain("open")
        await finish(connection)
      })
    }

    holds("carries bytes both ways in order, whatever the lengths of the writes", make, async (subject) => {
      const connection = await connect(subject)
      const { client, clientStream, server, serverStream } = connection
      const data = pattern(100_000)
      for (let at = 0, step = 0; at < data.length; at += step) {
        step = 1 + ((step * 7 + 3) % 977)
        clientStream.write(data.slice(at, at + step))
        serverStream.write(data.slice(at, at + step))
      }
      await Promise.all([server.untilLength(data.length), client.untilLength(data.length)])
      expect(fingerprint(server.bytes)).toBe(fingerprint(data))
      expect(fingerprint(client.bytes)).toBe(fingerprint(data))
      await finish(connection)
    })

    holds("says once of each chunk that it has done with its memory", make, async (subject) => {
      const connection = await connect(subject)
      const { clientStream, server, serverStream } = connection
      const data = pattern(3_000_000)
      const taken: number[] = []
      const written = data.slice()
      for (let at = 0, n = 0; at < data.length; at += 30_000, n++) {
        taken.push(0)
        const chunk = written.subarray(at, at + 30_000)
        clientStream.write(chunk, () => {
          taken[n]!++
          chunk.fill(0)
        })
      }
      await server.untilLength(data.length)
      await passTime(subject)
      expect(fingerprint(server.bytes)).toBe(fingerprint(data))
      expect(taken).toEqual(taken.map(() => 1))
      // More than is taken while nobody reads.
      const rest = Array(10).fill(0)
      serverStream.pause()
      for (const n of rest.keys()) clientStream.write(new Uint8Array(3_000_000), () => rest[n]++)
      await passTime(subject)
      clientStream.destroy()
      serverStream.resume()
      await finish(connection)
      await passTime(subject)
      clientStream.write(new Uint8Array(1), () => rest.push(1))
      expect(rest).toEqual(Array(11).fill(1))
    })

    holds("takes writes from before the connection stands", make, async (subject) => {
      const server = new Recorder()
      const listener = await subject.server.listen({ port: 0 }, (stream) => {
        server.stream = stream
        return server
      })
      const client = new Recorder()
      const stream = subject.client.connect({ host: subject.addresses[4], port: listener.port }, client)
      stream.write(pattern(10))
      await server.untilLength(10)
      expect(server.bytes).toEqual(pattern(10))
      await finish({ client, clientStream: stream, server, serverStream: server.stream!, listener })
    })

    holds("brings large transfers through back-pressure intact, both ways at once", make, async (subject) => {
      const connection = await connect(subject)
      const { client, clientStream, server, serverStream } = connection
      const data = pattern(3 * 1024 * 1024)
      let chunks = 0
      for (const [recorder, stream] of [
        [client, clientStream],
        [server, serverStream],
      ] as const) {
        recorder.react = () => {
          if (++chunks % 13 !== 0) return
          stream.pause()
          subject.clock.after(chunks % 3, () => stream.resume())
        }
      }
      await Promise.all([
        writeAll(clientStream, client, data, 50_000),
        writeAll(serverStream, server, data, 3_333),
        server.untilLength(data.length),
        client.untilLength(data.length),
      ])
      expect(fingerprint(server.bytes)).toBe(fingerprint(data))
      expect(fingerprint(client.bytes)).toBe(fingerprint(data))
      await finish(connection)
    })

    holds(
      "says false above its mark, counts what it holds, and drains once the reader goes on",
      make,
      async (subject) => {
        const connection = await connect(subject)
        const { client, clientStream, server, serverStream } = connection
        const data = pattern(24 * 1024 * 1024)
        serverStream.pause()
        const answers: boolean[] = []
        for (let at = 0; at < data.length; at += 1024 * 1024) {
          answers.push(clientStream.write(data.slice(at, at + 1024 * 1024)))
        }
        await passTime(subject)
        expect(answers.at(-1)).toBe(false)
        expect(clientStream.bufferedBytes).toBeGreaterThan(1024 * 1024)
        expect(client.count("drain")).toBe(0)
        serverStream.resume()
        await client.until(() => client.count("drain") > 0)
        expect(clientStream.bufferedBytes).toBe(0)
        expect(clientStream.write(new Uint8Array(1))).toBe(true)
        await server.untilLength(data.length + 1)
        expect(fingerprint(server.bytes.subarray(0, data.length))).toBe(fingerprint(data))
        await finish(connection)
      },
    )

    holds("is silent while paused, and goes on after resume, not inside it", make, async (subject) => {
      const connection = await connect(subject)
      const { clientStream, server, serverStream } = connection
      server.react = () => serverStream.pause()
      await writeAll(clientStream, connection.client, pattern(50_000), 50_000)
      await server.untilLength(1)
      const seen = server.length
      await passTime(subject)
      expect(server.length).toBe(seen)
      while (server.length < 50_000) {
        const before = server.length
        server.inside++
        serverStream.resume()
        server.inside--
        await server.until(() => server.length > before)
      }
      expect(fingerprint(server.bytes)).toBe(fingerprint(pattern(50_000)))
      await finish(connection)
    })

    holds("brings the end behind the bytes, also to a reader that was paused", make, async (subject) => {
      const connection = await connect(subject)
      const { client, clientStream, server, serverStream, listener } = connection
      serverStream.pause()
      await writeAll(clientStream, client, pattern(20_000), 20_000)
      while (clientStream.bufferedBytes > 0) await passTime(subject)
      clientStream.destroy()
      await passTime(subject)
      expect(server.closed).toBeUndefined()
      serverStream.resume()
      expect(await server.untilClosed()).toBeUndefined()
      expect(fingerprint(server.bytes)).toBe(fingerprint(pattern(20_000)))
      await listener.close()
    })

    holds("ends without an error on both sides when one destroys, once each", make, async (subject) => {
      const connection = await connect(subject)
      const { client, clientStream, server } = connection
      client.inside++
      clientStream.destroy()
      clientStream.destroy()
      client.inside--
      expect(await client.untilClosed()).toBeUndefined()
      expect(await server.untilClosed()).toBeUndefined()
      await finish(connection)
    })

    holds("hears no data after its own destroy, though more was under way", make, async (subject) => {
      const connection = await connect(subject)
      const { client, clientStream, server, serverStream } = connection
      let atDestroy = 0
      server.react = () => {
        serverStream.destroy()
        atDestroy = server.length
      }
      await writeAll(clientStream, client, pattern(2_000_000), 100_000)
      await Promise.all([server.untilClosed(), client.untilClosed()])
      await passTime(subject)
      expect(server.length).toBe(atDestroy)
      expect(server.closed?.error).toBeUndefined()
      await finish(connection)
    })

    holds("takes calls after the end as nothing", make, async (subject) => {
      const connection = await connect(subject)
      const { client, clientStream, server, serverStream } = connection
      clientStream.destroy()
      clientStream.write(new Uint8Array(10))
      await Promise.all([client.untilClosed(), server.untilClosed()])
      for (const stream of [clientStream, serverStream]) {
        stream.write(new Uint8Array(10))
        stream.pause()
        stream.resume()
        stream.destroy()
      }
      await passTime(subject)
      expect(server.length).toBe(0)
      await finish(connection)
    })

    holds("says that a connection was refused, once, and never that it is open", make, async (subject) => {
      const listener = await subject.server.listen({ port: 0 }, () => new Recorder())
      await listener.close()
      const client = new Recorder()
      client.inside++
      const stream = subject.client.connect({ host: subject.addresses[4], port: listener.port }, client)
      client.inside--
      stream.write(new Uint8Array(5))
      expect(await client.untilClosed()).toBeInstanceOf(Error)
      await passTime(subject)
      expect(client.events).toEqual(["close"])
    })

    holds("connects to addresses alone: a name fails, and not inside the call", make, async (subject) => {
      const client = new Recorder()
      client.inside++
      subject.client.connect({ host: "localhost", port: 80 }, client)
      client.inside--
      expect(await client.untilClosed()).toBeInstanceOf(Error)
      expect(client.events).toEqual(["close"])
    })

    holds("stays silent about a connection that was given up before it stood", make, async (subject) => {
      const listener = await subject.server.listen({ port: 0 }, () => new Recorder())
      const client = new Recorder()
      const stream = subject.client.connect({ host: subject.addresses[4], port: listener.port }, client)
      stream.destroy()
      await client.untilClosed()
      await passTime(subject)
      expect(client.events).toEqual(["close"])
      await listener.close()
    })

    holds(
      "gives a taken port to nobody else, frees it at close, and leaves accepted streams alone",
      make,
      async (subject) => {
        const connection = await connect(subject)
        const { clientStream, server, serverStream, client, listener } = connection
        await expect(subject.server.listen({ port: listener.port }, () => new Recorder())).rejects.toThrow()
        await listener.close()
        const refused = new Recorder()
        subject.client.connect({ host: subject.addresses[4], port: listener.port }, refused)
        expect(await refused.untilClosed()).toBeInstanceOf(Error)
        clientStream.write(new Uint8Array(3))
        await server.untilLength(3)
        serverStream.write(new Uint8Array(4))
        await client.untilLength(4)
        await finish(connection)
        const again = await subject.server.listen({ port: listener.port }, () => new Recorder())
        await again.close()
      },
    )

    holds("listens at one address alone when told so", make, async (subject) => {
      const server = new Recorder()
      const host = subject.addresses[4]
      const listener = await subject.server.listen({ port: 0, host }, (stream) => {
        server.stream = stream
        return server
      })
      const client = new Recorder()
      const clientStream = subject.client.connect({ host, port: listener.port }, client)
      await client.untilOpen()
      clientStream.write(new Uint8Array(1))
      await server.untilLength(1)
      const other = subject.addresses[6]
      if (other !== undefined) {
        const refused = new Recorder()
        subject.client.connect({ host: other, port: listener.port }, refused)
        expect(await refused.untilClosed()).toBeInstanceOf(Error)
      }
      await finish({ client, clientStream, server, serverStream: server.stream!, listener })
    })

    holds("resolves an address to itself and localhost to this machine", make, async ({ client }) => {
      expect(await client.resolve("192.0.2.7")).toEqual(["192.0.2.7"])
      expect(await client.resolve("2001:db8::1")).toEqual(["2001:db8::1"])
      for (const address of await client.resolve("localhost")) expect(["127.0.0.1", "::1"]).toContain(address)
    })
  })
}
