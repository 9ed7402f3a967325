import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { guardedLookups, type LookupAll } from "../../../src/node/guarded-lookup.js"
import { Http1Pool } from "../../../src/node/http1-pool.js"
import type { HttpError, HttpExchange } from "../../../src/ports/http.js"
import { deferred } from "../../support/deferred.js"

const cleanUps: Array<() => unknown> = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A server that is told of each request: its connection, counted from 1, and the request's path. */
async function serve(answer: (socket: Socket, connection: number, path: string) => void): Promise<URL> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    const connection = sockets.push(socket)
    socket.on("error", () => {})
    socket.on("data", (bytes) => answer(socket, connection, bytes.toString("latin1").split(" ")[1]!))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

function newPool(lookup?: LookupAll): Http1Pool {
  const pool = new Http1Pool(guardedLookups(lookup))
  cleanUps.push(() => pool.close())
  return pool
}

type Outcome = "end" | "stale" | HttpError

interface Sent {
  readonly exchange: HttpExchange
  readonly events: string[]
  readonly bytes: () => number
  readonly outcome: Promise<Outcome>
}

function send(pool: Http1Pool, url: URL, on: (event: "head" | "data") => void = () => {}): Sent {
  const events: string[] = []
  const { promise: outcome, resolve } = deferred<Outcome>()
  let bytes = 0
  const exchange = pool.send(url, {}, "local", {
    onHead: (status) => {
      events.push(String(status))
      on("head")
    },
    onData: (chunk) => {
      bytes += chunk.length
      events.push("data")
      on("data")
    },
    onEnd: () => resolve("end"),
    onStale: () => resolve("stale"),
    onError: resolve,
  })
  return { exchange, events, bytes: () => bytes, outcome }
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

describe("plain HTTP connections", () => {
  it("carry one answer after the other, the last one used first", async () => {
    const used: number[] = []
    const url = await serve((socket, connection) => {
      used.push(connection)
      socket.write(OK)
    })
    const pool = newPool()
    await Promise.all([send(pool, url).outcome, send(pool, url).outcome])
    used.length = 0
    for (let i = 0; i < 3; i++) expect(await send(pool, url).outcome).toBe("end")
    expect(new Set(used).size).toBe(1)
    await Promise.all([send(pool, url).outcome, send(pool, url).outcome])
    expect([...new Set(used)].sort()).toEqual([1, 2])
  })

  it("can be used again from inside the end of an answer", async () => {
    const used: number[] = []
    const url = await serve((socket, connection) => {
      used.push(connection)
      socket.write(OK)
    })
    const pool = newPool()
    const { promise: second, resolve } = deferred<Outcome>()
    const fails = (): void => expect.fail()
    pool.send(url, {}, "local", {
      onHead: () => {},
      onData: () => {},
      onStale: fails,
      onError: fails,
      onEnd: () => void send(pool, url).outcome.then(resolve),
    })
    expect(await second).toBe("end")
    expect(used).toEqual([1, 1])
  })

  it("receive nothing while paused, and hold the server back", async () => {
    let toPaused: Socket | undefined
    const length = 64 * 1024 * 1024
    const url = await serve((socket, _connection, path) => {
      if (path === "/small") return void socket.write(OK)
      toPaused = socket
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`)
      socket.write(Buffer.alloc(length))
    })
    const pool = newPool()
    const begun = deferred()
    const paused = send(pool, url, (event) => {
      if (event !== "data") return
      paused.exchange.pause()
      begun.resolve()
    })
    await begun.promise
    // Much else goes on meanwhile.
    for (let i = 0; i < 200; i++) expect(await send(pool, new URL("/small", url)).outcome).toBe("end")
    expect(paused.events).toEqual(["200", "data"])
    expect(toPaused?.writableLength).toBeGreaterThan(0)
    paused.exchange.resume()
    paused.exchange.pause()
    for (let i = 0; i < 50; i++) expect(await send(pool, new URL("/small", url)).outcome).toBe("end")
    expect(paused.events).toEqual(["200", "data"])
    paused.exchange.abort()
  })

  it("bring everything through a pause at each event, also what came with the end of the connection", async () => {
    const body = Array.from({ length: 50 }, (_, i) => `2\r\n${10 + i}\r\n`).join("")
    const url = await serve((socket) =>
      socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}0\r\n\r\n`),
    )
    let isPaused = false
    const sent = send(newPool(), url, () => {
      expect(isPaused).toBe(false)
      isPaused = true
      sent.exchange.pause()
      setImmediate(() => {
        isPaused = false
        sent.exchange.resume()
      })
    })
    expect(await sent.outcome).toBe("end")
    expect(sent.bytes()).toBe(100)
  })

  it.each([
    { what: "more came than the answer", answer: `${OK}surplus` },
    { what: "the server says so", answer: OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n") },
    {
      what: "the answer has two lengths",
      answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    },
  ])("are closed and not used again when $what", async ({ answer }) => {
    const used: number[] = []
    const closed: Promise<unknown>[] = []
    const url = await serve((socket, connection) => {
      used.push(connection)
      closed.push(once(socket, "close"))
      socket.write(answer)
    })
    const pool = newPool()
    for (let i = 0; i < 3; i++) expect(await send(pool, url).outcome).toBe("end")
    expect(used).toEqual([1, 2, 3])
    await Promise.all(closed)
  })

  it("are closed when the server says something unasked", async () => {
    const closed = deferred()
    let connected: Socket | undefined
    const url = await serve((socket) => {
      connected = socket
      socket.on("close", () => closed.resolve())
      socket.write(OK)
    })
    expect(await send(newPool(), url).outcome).toBe("end")
    connected?.write("HTTP/1.1 408 Request Timeout\r\n\r\n")
    await closed.promise
  })

  it("that died while idle are told apart from new ones that bring nothing", async () => {
    const url = await serve((socket, _connection, path) => {
      if (path === "/die") socket.resetAndDestroy()
      else socket.write(OK)
    })
    const pool = newPool()
    expect(await send(pool, url).outcome).toBe("end")
    expect(await send(pool, new URL("/die", url)).outcome).toBe("stale")
    expect(await send(pool, new URL("/die", url)).outcome).toMatchObject({ failure: "network" })
  })

  it("go to a name's next address when the first refuses", async () => {
    const url = await serve((socket) => socket.write(OK))
    const addresses = ["127.0.0.77", "127.0.0.1"].map((address) => ({ address, family: 4 }))
    const pool = newPool((_name, _options, done) => done(null, addresses))
    expect(await send(pool, new URL(`http://nas.lan:${url.port}/`)).outcome).toBe("end")
  })

  it("fail with the pool, and the pool can't be closed too often", async () => {
    const url = await serve(() => {})
    const pool = newPool()
    const sent = send(pool, url)
    pool.close()
    pool.close()
    expect(await sent.outcome).toMatchObject({ failure: "network", message: "HTTP is closed" })
  })
})
