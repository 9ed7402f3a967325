import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import type { FindAddresses } from "../../../src/node/connect-race.js"
import { guardedLookups } from "../../../src/node/guarded-lookup.js"
import type { Sent as Carried, TransportListener } from "../../../src/node/http-transport.js"
import { Http1Pool } from "../../../src/node/http1-pool.js"
import type { HttpError } from "../../../src/ports/http.js"
import { deferred } from "../../support/deferred.js"
import { serveRaw } from "../../support/raw-server.js"

const cleanUps: Array<() => unknown> = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A server that is told of each request: its connection, counted from 1, and the request's path. */
function serve(answer: (socket: Socket, connection: number, path: string) => void): Promise<URL> {
  return serveBytes((socket, text, connection) => answer(socket, connection, text.split(" ")[1]!))
}

/** The same, told of what comes. */
async function serveBytes(answer: (socket: Socket, text: string, connection: number) => void): Promise<URL> {
  const port = await serveRaw(cleanUps, (socket, connection) => {
    socket.on("data", (bytes) => answer(socket, bytes.toString("latin1"), connection))
  })
  return new URL(`http://127.0.0.1:${port}`)
}

/** The same, told of all requests that come together. */
function serveHeads(answer: (socket: Socket, paths: readonly string[]) => void): Promise<URL> {
  return serveBytes((socket, text) => {
    const paths = [...text.matchAll(/^GET (\S+) /gm)].map((match) => match[1]!)
    answer(socket, paths)
  })
}

function listenerOf(events: string[]): TransportListener {
  const note = (event: string) => () => void events.push(event)
  return {
    onTurn: note("turn"),
    onHead: note("head"),
    onData: note("data"),
    onEnd: note("end"),
    onStale: note("stale"),
    onError: note("error"),
  }
}

function newPool(lookup?: FindAddresses): Http1Pool {
  const pool = new Http1Pool(guardedLookups(lookup))
  cleanUps.push(() => pool.close())
  return pool
}

type Outcome = "end" | "stale" | HttpError

interface Sent {
  readonly exchange: Carried
  readonly events: string[]
  readonly bytes: () => number
  readonly outcome: Promise<Outcome>
}

function send(pool: Http1Pool, url: URL, on: (event: "head" | "data") => void = () => {}): Sent {
  return sent((listener) => pool.send(url, {}, "local", listener), on)
}

function follow(before: Sent, url: URL): Sent {
  return sent((listener) => before.exchange.follow(url, {}, listener)!)
}

function sent(start: (listener: TransportListener) => Carried, on: (event: "head" | "data") => void = () => {}): Sent {
  const events: string[] = []
  const { promise: outcome, resolve } = deferred<Outcome>()
  let bytes = 0
  const exchange = start({
    onTurn: () => events.push("turn"),
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
      onTurn: fails,
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

  it("carry requests one behind the other, and bring each its own answer, however the bytes are cut", async () => {
    const asked: string[] = []
    const answers = (paths: readonly string[]): Buffer =>
      Buffer.from(paths.map((path) => `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`).join(""))
    const whole = deferred()
    const url = await serveHeads((socket, paths) => {
      asked.push(...paths)
      if (asked.length === 1) return void socket.write(OK)
      if (asked.length < 5) return
      whole.resolve()
      for (const byte of answers(asked.slice(1))) socket.write(Buffer.of(byte))
    })
    const pool = newPool()
    expect(await send(pool, url).outcome).toBe("end")
    const first = send(pool, new URL("/a", url))
    const second = follow(first, new URL("/bb", url))
    expect(first.exchange.follow(url, {}, listenerOf([]))).toBeUndefined()
    const third = follow(second, new URL("/ccc", url))
    const fourth = follow(third, new URL("/dddd", url))
    fourth.exchange.pause()
    await whole.promise
    expect(await third.outcome).toBe("end")
    expect([first, second, third].map((one) => one.bytes())).toEqual([2, 3, 4])
    expect(second.events.slice(0, 2)).toEqual(["turn", "200"])
    expect(fourth.bytes()).toBe(0)
    fourth.exchange.resume()
    expect(await fourth.outcome).toBe("end")
    expect(fourth.bytes()).toBe(5)
    expect(asked).toEqual(["/", "/a", "/bb", "/ccc", "/dddd"])
  })

  it("that end behind an answer let its follower be asked for again, and fail those behind", async () => {
    const url = await serveHeads((socket, paths) => {
      if (paths[0] === "/") socket.write(OK)
      else if (paths.includes("/c")) socket.end(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
    })
    const pool = newPool()
    expect(await send(pool, url).outcome).toBe("end")
    const first = send(pool, new URL("/a", url))
    const second = follow(first, new URL("/b", url))
    const third = follow(second, new URL("/c", url))
    expect(await first.outcome).toBe("end")
    expect(await second.outcome).toBe("stale")
    expect(await third.outcome).toMatchObject({ failure: "network" })
  })

  it("that break inside an answer, or whose first request is aborted, fail all behind it", async () => {
    const url = await serveHeads((socket, paths) => {
      if (paths[0] === "/") socket.write(OK)
      else if (paths.includes("/cut")) socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
    })
    const pool = newPool()
    expect(await send(pool, url).outcome).toBe("end")
    const cut = send(pool, new URL("/cut", url))
    const behind = follow(cut, new URL("/b", url))
    expect(await cut.outcome).toMatchObject({ failure: "network" })
    expect(await behind.outcome).toMatchObject({ failure: "network" })
    expect(await send(pool, url).outcome).toBe("end")
    const aborted = send(pool, new URL("/a", url))
    const lost = follow(aborted, new URL("/b", url))
    aborted.exchange.abort()
    expect(await lost.outcome).toMatchObject({ failure: "network" })
    expect(aborted.events).toEqual([])
  })

  it("take nothing behind a request before they are known to be kept", async () => {
    const url = await serve((socket) => socket.write(OK))
    const first = send(newPool(), url)
    expect(first.exchange.follow(url, {}, listenerOf([]))).toBeUndefined()
    expect(await first.outcome).toBe("end")
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
    const pool = newPool(async () => addresses)
    expect(await send(pool, new URL(`http://nas.lan:${url.port}/`)).outcome).toBe("end")
  })

  it("go first where the last one to the same name came about", async ({ skip }) => {
    const url = await serve((socket) => socket.end(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")))
    const addresses = [
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
    ]
    const pool = newPool(async () => addresses)
    const name = new URL(`http://nas.lan:${url.port}/`)
    expect(await send(pool, name).outcome).toBe("end")
    let sixth = 0
    const other = createServer((socket) => {
      sixth++
      socket.destroy()
    })
    cleanUps.push(() => other.close())
    other.listen(Number(url.port), "::1")
    const listens = await Promise.race([once(other, "listening"), once(other, "error").then(() => undefined)])
    if (listens === undefined) skip("there is no IPv6 here")
    expect(await send(pool, name).outcome).toBe("end")
    expect(sixth).toBe(0)
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
