import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer, type RequestListener, type Server } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { guardedLookups } from "../../../src/node/guarded-lookup.js"
import { NodeHttp } from "../../../src/node/http.js"
import { NodeExchange } from "../../../src/node/http-exchange.js"
import type { Transport } from "../../../src/node/http-transport.js"
import { Http1Pool } from "../../../src/node/http1-pool.js"
import { VERSION } from "../../../src/node/version.js"
import type { HttpError, HttpExchange, HttpHead, HttpListener, HttpRequest } from "../../../src/ports/http.js"
import { deferred } from "../../support/deferred.js"
import { findProgram } from "../../support/program.js"
import { serveRaw } from "../../support/raw-server.js"

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"))

interface Outcome {
  head?: HttpHead
  body: string
  error?: HttpError
}

const cleanUps: Array<() => unknown> = []
let http: NodeHttp

beforeEach(() => {
  http = new NodeHttp()
  cleanUps.push(() => http.close())
})

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  cleanUps.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const serve = async (answer: RequestListener): Promise<string> => `http://${await start(createServer(answer))}`

/** A server that answers each connection by hand. */
const serveByHand = async (onSocket: (socket: Socket) => void): Promise<string> =>
  `http://127.0.0.1:${await serveRaw(cleanUps, onSocket)}`

function fetchWith(send: (listener: HttpListener) => HttpExchange): Promise<Outcome> {
  const { promise, resolve } = deferred<Outcome>()
  const outcome: Outcome = { body: "" }
  send({
    onHead: (head) => {
      outcome.head = head
    },
    onData: (chunk) => {
      outcome.body += new TextDecoder("latin1").decode(chunk)
    },
    onEnd: () => resolve(outcome),
    onError: (error) => resolve({ ...outcome, error }),
  })
  return promise
}

const fetchUrl = (url: string, request: Partial<HttpRequest> = {}): Promise<Outcome> =>
  fetchWith((listener) => http.get({ url, idleTimeout: 20_000, ...request }, listener))

describe("HTTP on Node", () => {
  it("says who asks, and wants the bytes as they are", async () => {
    const url = await serve((request, response) => response.end(JSON.stringify(request.headers)))
    const { body } = await fetchUrl(`${url}/x`, { headers: { range: "bytes=1-2" } })
    expect(JSON.parse(body)).toMatchObject({
      host: url.slice("http://".length),
      "user-agent": `academictorrents/${VERSION} (+https://github.com/academictorrents)`,
      "accept-encoding": "identity",
      range: "bytes=1-2",
    })
  })

  it("has the version of package.json", () => {
    expect(VERSION).toBe(JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")).version)
  })

  it("joins repeated headers, also those with odd names", async () => {
    const url = await serveByHand((socket) =>
      socket.end("HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\n__proto__: 3\r\nContent-Length: 0\r\n\r\n"),
    )
    const { head } = await fetchUrl(url)
    expect(head?.headers["x-a"]).toBe("1, 2")
    expect(Object.entries(head?.headers ?? {})).toContainEqual(["__proto__", "3"])
  })

  it("follows redirects of all kinds, five at most", async () => {
    const statuses = [301, 302, 303, 307, 308]
    const url = await serve((request, response) => {
      const step = Number(request.url?.slice(1))
      if (step < 5) response.writeHead(statuses[step] ?? 0, { location: `${step + 1}` }).end("moved")
      else response.end("here")
    })
    expect(await fetchUrl(`${url}/0`)).toMatchObject({ body: "here", head: { status: 200 } })
  })

  it.each([
    { what: "a sixth redirect", location: "/again", failure: "redirect" },
    { what: "a redirect to a file", location: "file:///etc/passwd", failure: "redirect" },
    { what: "a redirect to nothing that is an address", location: "http://[", failure: "redirect" },
    { what: "a redirect to a link-local address", location: "http://169.254.169.254/", failure: "unsafe-address" },
  ])("refuses $what", async ({ location, failure }) => {
    const url = await serve((_request, response) => response.writeHead(302, { location }).end())
    expect((await fetchUrl(url)).error).toMatchObject({ failure })
  })

  it("sends credentials as a header, to the same origin only", async () => {
    const seen: Array<Record<string, string | undefined>> = []
    const other = await serve(({ headers }, response) => {
      seen.push({ authorization: headers.authorization, cookie: headers.cookie, range: headers.range })
      response.end()
    })
    const url = await serve(({ headers, url }, response) => {
      seen.push({ authorization: headers.authorization, cookie: headers.cookie, range: headers.range })
      response.writeHead(302, { location: url === "/" ? "/same" : other }).end()
    })
    await fetchUrl(url.replace("http://", "http://us%40er:pass@"), { headers: { cookie: "a=b", range: "bytes=0-1" } })
    const authorization = `Basic ${Buffer.from("us@er:pass").toString("base64")}`
    const withSecrets = { authorization, cookie: "a=b", range: "bytes=0-1" }
    expect(seen).toEqual([
      withSecrets,
      withSecrets,
      { authorization: undefined, cookie: undefined, range: "bytes=0-1" },
    ])
    seen.length = 0
    await fetchUrl(url, { headers: { authorization: "Bearer x" } })
    expect(seen.map(({ authorization }) => authorization)).toEqual(["Bearer x", "Bearer x", undefined])
  })

  it.each(["http://169.254.169.254/latest", "http://metadata.google.internal/", "http://[fe80::1]/"])(
    "never asks %s",
    async (url) => {
      expect((await fetchUrl(url)).error).toMatchObject({ failure: "unsafe-address" })
    },
  )

  it("refuses a public name that leads to a private address, and takes a local one", async () => {
    const url = await serve((_request, response) => response.end("inside"))
    const port = new URL(url).port
    http = new NodeHttp({ lookup: async () => [{ address: "127.0.0.1", family: 4 }] })
    cleanUps.push(() => http.close())
    expect((await fetchUrl(`http://data.example.org:${port}/`)).error).toMatchObject({ failure: "unsafe-address" })
    expect(await fetchUrl(`http://nas.lan:${port}/`)).toMatchObject({ body: "inside" })
  })

  it("takes a public name that leads to a private address from the user alone, also while a connection is kept", async () => {
    const url = await serve((_request, response) => response.end("inside"))
    const place = `http://data.example.org:${new URL(url).port}/`
    http = new NodeHttp({ lookup: async () => [{ address: "127.0.0.1", family: 4 }] })
    cleanUps.push(() => http.close())
    expect(await fetchUrl(place, { namedByUser: true })).toMatchObject({ body: "inside" })
    expect((await fetchUrl(place)).error).toMatchObject({ failure: "unsafe-address" })
    expect(await fetchUrl(place, { namedByUser: true })).toMatchObject({ body: "inside" })
  })

  it("goes from no name to a metadata service, whoever named it", async () => {
    http = new NodeHttp({ lookup: async () => [{ address: "169.254.169.254", family: 4 }] })
    cleanUps.push(() => http.close())
    for (const namedByUser of [false, true]) {
      const { error } = await fetchUrl("http://data.example.org/", { namedByUser })
      expect(error).toMatchObject({
        failure: "unsafe-address",
        message: "data.example.org leads to no address for data",
      })
    }
  })

  it.runIf(hasIpv6)("reaches a host over the family that it is asked for, kept connections or not", async () => {
    const server = createServer((request, response) => response.end(request.socket.remoteAddress))
    await new Promise<void>((resolve) => server.listen(0, "::", resolve))
    cleanUps.push(() => {
      server.closeAllConnections()
      server.close()
    })
    const both = [
      { address: "127.0.0.1", family: 4 },
      { address: "::1", family: 6 },
    ]
    http = new NodeHttp({
      lookup: async (name) => (name === "four.lan" ? both.slice(0, 1) : both),
    })
    cleanUps.push(() => http.close())
    const { port } = server.address() as AddressInfo
    const ask = (family: 4 | 6 | undefined, name = "both.lan") =>
      fetchUrl(`http://${name}:${port}/`, family === undefined ? {} : { family })
    for (const family of [undefined, 6, 4, undefined, 6] as const) {
      const { head, body } = await ask(family)
      expect(head?.family).toBe(family ?? 4)
      expect(body).toMatch(family === 6 ? /^::1$/ : /127\.0\.0\.1$/)
    }
    expect(await ask(4, "four.lan")).toMatchObject({ head: { family: 4 } })
    expect((await ask(6, "four.lan")).error).toMatchObject({
      failure: "network",
      message: expect.stringContaining("no IPv6 address"),
    })
    expect((await ask(6, "127.0.0.1")).error).toMatchObject({ failure: "network" })
    expect(await ask(6, "[::1]")).toMatchObject({ head: { family: 6 } })
  })

  describe.runIf(hasIpv6)("a host whose IPv6 connects and carries nothing", () => {
    it.each([
      { how: "is silent", onSocket: () => {} },
      { how: "breaks", onSocket: (socket: Socket) => socket.once("data", () => socket.resetAndDestroy()) },
    ])("is asked over IPv4 the next time, and stays there, when IPv6 $how", async ({ onSocket }) => {
      const port = Number(new URL(await serve((_request, response) => response.end("here"))).port)
      let sixth = 0
      await serveRaw(
        cleanUps,
        (socket) => {
          sixth++
          onSocket(socket)
        },
        { host: "::1", port },
      )
      const addresses = [
        { address: "::1", family: 6 },
        { address: "127.0.0.1", family: 4 },
      ]
      http = new NodeHttp({ lookup: async () => addresses })
      cleanUps.push(() => http.close())
      const url = `http://both.lan:${port}/`
      expect((await fetchUrl(url, { idleTimeout: 500 })).error).toBeDefined()
      expect(await fetchUrl(url)).toMatchObject({ head: { family: 4 }, body: "here" })
      expect(await Promise.all([fetchUrl(url), fetchUrl(url)])).toMatchObject([{ body: "here" }, { body: "here" }])
      expect(sixth).toBe(1)
    })
  })

  it("refuses a redirect from a public place into the private network, by address and by name", async () => {
    const url = await serve((request, response) => response.writeHead(302, { location: request.url?.slice(1) }).end())
    const pool = new Http1Pool(guardedLookups())
    cleanUps.push(() => pool.close())
    // The public place is on this machine for once.
    const here: Transport = {
      send: ({ pathname }, headers, _host, listener) => pool.send(new URL(url + pathname), headers, "local", listener),
      close: () => pool.close(),
    }
    for (const location of [
      "http://127.0.0.1:80/",
      "http://localhost/",
      "http://nas.lan/",
      "http://[::ffff:10.0.0.1]/",
    ]) {
      const { error } = await fetchWith((listener) =>
        NodeExchange.get({ url: `http://data.example.org/${location}`, idleTimeout: 20_000 }, listener, () => here),
      )
      expect(error).toMatchObject({ failure: "unsafe-address" })
    }
  })

  it("does not let a certificate pass that nobody vouches for, whatever the environment says", async ({ skip }) => {
    if (findProgram("openssl") === undefined) skip("openssl is not installed")
    const folder = mkdtempSync(join(tmpdir(), "at-tls-"))
    cleanUps.push(() => rmSync(folder, { recursive: true }))
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    execFileSync("openssl", [...args, "-keyout", key, "-out", cert], { stdio: "ignore" })
    const asked = { count: 0 }
    const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
      asked.count++
      response.end("secret")
    })
    const host = await start(server)
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0")
    cleanUps.push(() => vi.unstubAllEnvs())
    const { error, body } = await fetchUrl(`https://${host}/`)
    expect(error).toMatchObject({ failure: "tls", message: `${host} can't be trusted: its certificate is self-signed` })
    expect([body, asked.count]).toEqual(["", 0])
  })

  it.each([
    ["ENOTFOUND", "the name nowhere.example is not known"],
    ["EAI_AGAIN", "the name nowhere.example can't be looked up: no name server answers"],
  ])("says in words that a name leads nowhere (%s)", async (code, words) => {
    const fault = Object.assign(new Error(`getaddrinfo ${code} nowhere.example`), { code, hostname: "nowhere.example" })
    http = new NodeHttp({ lookup: () => Promise.reject(fault) })
    cleanUps.push(() => http.close())
    const { error } = await fetchUrl("http://nowhere.example/")
    expect(error).toMatchObject({ failure: "network", message: `no answer from nowhere.example: ${words}` })
  })

  it("uses a connection again, and tries once more when the server has just closed it", async () => {
    let connections = 0
    const url = await serveByHand((socket) => {
      connections++
      let requests = 0
      socket.on("data", () => {
        // The first request of a connection is answered; the second finds it closed.
        if (++requests === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        else socket.resetAndDestroy()
      })
    })
    expect(await fetchUrl(url)).toMatchObject({ body: "ok" })
    expect(await fetchUrl(url)).toMatchObject({ body: "ok" })
    expect(connections).toBe(2)
  })

  it("tries once more when it is told on a kept connection that this had rested too long", async () => {
    let connections = 0
    const timeout = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    const url = await serveByHand((socket) => {
      connections++
      let requests = 0
      socket.on("data", () => {
        if (++requests === 1 && connections < 3) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        else socket.end(timeout)
      })
    })
    for (let i = 0; i < 2; i++) expect(await fetchUrl(url)).toMatchObject({ body: "ok" })
    expect(connections).toBe(2)
    // On a new connection it is meant.
    expect(await fetchUrl(url)).toMatchObject({ head: { status: 408 } })
    expect(connections).toBe(3)
  })

  it("goes where a redirect leads that writes a name in bare UTF-8", async () => {
    const url = await serve((request, response) => {
      if (request.url === "/gr%c3%b6%c3%9fe%20x") response.end("here")
      else if (request.url === "/")
        response.writeHead(302, { location: Buffer.from("/größe x").toString("latin1") }).end()
      else response.writeHead(404).end(request.url)
    })
    expect(await fetchUrl(url)).toMatchObject({ body: "here", head: { status: 200 } })
  })

  it("does not try again on a new connection", async () => {
    let connections = 0
    const url = await serveByHand((socket) => {
      connections++
      socket.on("data", () => socket.resetAndDestroy())
    })
    expect((await fetchUrl(url)).error).toMatchObject({ failure: "network" })
    expect(connections).toBe(1)
  })

  it("keeps the connection for the next request after a redirect", async () => {
    const ports = new Set<number | undefined>()
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      if (request.url === "/to") response.end("here")
      else response.writeHead(302, { location: "/to" }).end("moved")
    })
    for (let i = 0; i < 3; i++) expect(await fetchUrl(url)).toMatchObject({ body: "here" })
    expect(ports.size).toBeLessThanOrEqual(2)
  })

  it.each([
    {
      what: "fewer bytes than announced",
      answer: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
      failure: "network",
    },
    {
      what: "a chunk cut short",
      answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc",
      failure: "network",
    },
    {
      what: "a broken chunk",
      answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
      failure: "malformed",
    },
    { what: "no HTTP", answer: "220 mail ready\r\n", failure: "malformed" },
    { what: "nothing", answer: "", failure: "network" },
    {
      what: "a head without end",
      answer: `HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}\r\n\r\n`,
      failure: "malformed",
    },
    {
      what: "another protocol",
      answer: "HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      failure: "network",
    },
  ])("fails when the answer is $what", async ({ answer, failure }) => {
    const url = await serveByHand((socket) => socket.once("data", () => socket.end(answer)))
    expect((await fetchUrl(url)).error).toMatchObject({ failure })
  })

  it("takes chunked bodies, and such as end with the connection", async () => {
    const chunked = await serveByHand((socket) =>
      socket.once("data", () =>
        socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
      ),
    )
    expect(await fetchUrl(chunked)).toMatchObject({ body: "abc" })
    const open = await serveByHand((socket) => socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nabc")))
    expect(await fetchUrl(open)).toMatchObject({ body: "abc" })
  })

  it("hands on a compressed body as it is", async () => {
    const url = await serve((_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("raw"))
    expect(await fetchUrl(url)).toMatchObject({ body: "raw", head: { headers: { "content-encoding": "gzip" } } })
  })

  it.each(["before the head", "in the body"])("times out when nothing comes %s", async (where) => {
    const url = await serveByHand((socket) => {
      if (where === "in the body") socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    })
    expect((await fetchUrl(url, { idleTimeout: 30 })).error).toMatchObject({ failure: "timeout" })
  })

  it("does not time out while paused, and goes on afterwards", async () => {
    const url = await serve((_request, response) => response.end("a".repeat(1_000_000)))
    const heard: string[] = []
    const done = deferred()
    let length = 0
    const exchange = http.get(
      { url, idleTimeout: 200 },
      {
        onHead: () => {
          exchange.pause()
          // Longer than the idle time-out.
          setTimeout(() => {
            heard.push(`paused with ${length}`)
            exchange.resume()
          }, 400)
        },
        onData: (chunk) => {
          length += chunk.length
        },
        onEnd: () => done.resolve(),
        onError: (error) => done.reject(error),
      },
    )
    await done.promise
    expect([...heard, length]).toEqual(["paused with 0", 1_000_000])
  })

  it("says nothing more after abort, and closes the connection", async () => {
    const closed = deferred()
    const url = await serve((request, response) => {
      request.socket.on("close", () => closed.resolve())
      response.write("a")
    })
    const heard: string[] = []
    const exchange = http.get(
      { url, idleTimeout: 20_000 },
      {
        onHead: () => heard.push("head"),
        onData: () => {
          heard.push("data")
          exchange.abort()
        },
        onEnd: () => heard.push("end"),
        onError: () => heard.push("error"),
      },
    )
    await closed.promise
    expect(heard).toEqual(["head", "data"])
  })

  it.each(["", "ftp://example.org/", "no url", "http://127.0.0.1:99999/"])("fails on the address %j", async (url) => {
    expect((await fetchUrl(url)).error).toMatchObject({ failure: "malformed" })
  })

  it("fails on a header that would break the request apart", async () => {
    const { error } = await fetchUrl("http://127.0.0.1:9/", { headers: { "x-a": "1\r\nx-b: 2" } })
    expect(error).toMatchObject({ failure: "malformed" })
  })

  it("fails when nobody listens, and after it was closed", async () => {
    const url = await serve(() => {})
    for (const cleanUp of cleanUps.splice(-1)) await cleanUp()
    expect((await fetchUrl(url)).error).toMatchObject({ failure: "network" })
    await http.close()
    expect((await fetchUrl(url)).error).toMatchObject({ failure: "network", message: "HTTP is closed" })
  })
})
