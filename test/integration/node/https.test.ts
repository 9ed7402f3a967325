import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import type { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import tls, { type ConnectionOptions, createSecureContext, TLSSocket } from "node:tls"
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest"
import { NodeHttp } from "../../../src/node/http.js"
import type { HttpError, HttpExchange, HttpListener, HttpRequest } from "../../../src/ports/http.js"
import { deferred } from "../../support/deferred.js"
import { findProgram } from "../../support/program.js"
import { serveRaw } from "../../support/raw-server.js"

const connect = tls.connect
const cleanUps: Array<() => unknown> = []
let folder: string
let key: Buffer
let cert: Buffer

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "at-https-"))
  const files = [join(folder, "key.pem"), join(folder, "cert.pem")] as const
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
  const names = ["-addext", "subjectAltName=IP:127.0.0.1"]
  execFileSync("openssl", [...args, ...names, "-keyout", files[0], "-out", files[1]], { stdio: "ignore" })
  key = readFileSync(files[0])
  cert = readFileSync(files[1])
})

afterAll(() => rmSync(folder, { recursive: true }))

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  vi.restoreAllMocks()
})

/** A secure server that answers by hand; `connection` counts from 1. The client is made to trust it. */
async function serve(
  answer: (secure: TLSSocket, connection: number, plain: Socket, bytes: Buffer) => void,
): Promise<{ url: string; connections: () => number }> {
  const secureContext = createSecureContext({ key, cert })
  let connections = 0
  const port = await serveRaw(cleanUps, (plain, connection) => {
    connections = connection
    const secure = new TLSSocket(plain, { isServer: true, secureContext })
    secure.on("error", () => {})
    secure.on("data", (bytes) => answer(secure, connection, plain, bytes))
  })
  vi.spyOn(tls, "connect").mockImplementation(((options: ConnectionOptions) =>
    connect({ ...options, ca: cert })) as typeof tls.connect)
  return { url: `https://127.0.0.1:${port}/`, connections: () => connections }
}

interface Outcome {
  readonly status: number
  readonly body: string
  readonly error?: HttpError
}

function newClient(): (url: string, onData?: (exchange: HttpExchange) => void) => Promise<Outcome> {
  const http = new NodeHttp()
  cleanUps.push(() => http.close())
  return (url, onData = () => {}) => {
    const { promise, resolve } = deferred<Outcome>()
    let [status, body] = [0, ""]
    const exchange = http.get(
      { url, idleTimeout: 10_000 },
      {
        onHead: (head) => {
          status = head.status
        },
        onData: (chunk) => {
          body += Buffer.from(chunk).toString("latin1")
          onData(exchange)
        },
        onEnd: () => resolve({ status, body }),
        onError: (error) => resolve({ status, body, error }),
      },
    )
    return promise
  }
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

describe.skipIf(findProgram("openssl") === undefined)("HTTPS", () => {
  it("brings one answer after the other on a connection", async () => {
    const { url, connections } = await serve((socket) => socket.write(OK))
    const get = newClient()
    for (let i = 0; i < 3; i++) expect(await get(url)).toEqual({ status: 200, body: "ok" })
    expect(connections()).toBe(1)
  })

  it("keeps an answer that came whole, whatever comes behind it, through a pause as well", async () => {
    const { url } = await serve((socket) => socket.write(`${OK}surplus`))
    const get = newClient()
    expect(await get(url)).toEqual({ status: 200, body: "ok" })
    const paused = get(url, (exchange) => {
      exchange.pause()
      setImmediate(() => exchange.resume())
    })
    expect(await paused).toEqual({ status: 200, body: "ok" })
  })

  it("takes what breaks inside an answer for a fault of the network, also when TLS notices it first", async () => {
    const { url } = await serve((secure, connection, plain) => {
      secure.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun", () => {
        if (connection === 1) plain.resetAndDestroy()
        else plain.write("this is no record of TLS at all, but somebody else's bytes")
      })
    })
    const get = newClient()
    for (let i = 0; i < 2; i++) expect(await get(url)).toMatchObject({ body: "begun", error: { failure: "network" } })
  })

  it("asks again when a kept connection was closed, or has just been said to have rested too long", async () => {
    for (const farewell of ["", "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]) {
      const asked = new Map<number, number>()
      const { url, connections } = await serve((socket, connection) => {
        asked.set(connection, (asked.get(connection) ?? 0) + 1)
        if (asked.get(connection) === 1) socket.write(OK)
        else socket.end(farewell)
      })
      const get = newClient()
      for (let i = 0; i < 2; i++) expect(await get(url)).toEqual({ status: 200, body: "ok" })
      expect(connections()).toBe(2)
    }
  })

  it("asks again when a record breaks on a kept connection, and believes what a new one says", async () => {
    const spoken = new Set<number>()
    const { url, connections } = await serve((secure, connection, plain) => {
      // What comes first is whole on the first two connections.
      if (connection <= 2 && !spoken.has(connection)) secure.write(OK)
      else plain.write("this is no record of TLS at all, but somebody else's bytes")
      spoken.add(connection)
    })
    const get = newClient()
    for (let i = 0; i < 2; i++) expect(await get(url)).toEqual({ status: 200, body: "ok" })
    expect(connections()).toBe(2)
    expect((await get(url)).error).toMatchObject({ failure: "tls" })
    expect(connections()).toBe(3)
  })

  it("greets a host again by the session of the last time, and forgets it with a fault", async () => {
    const reused: boolean[] = []
    const { url } = await serve((secure, connection, plain) => {
      reused.push(secure.isSessionReused())
      if (connection === 3) plain.end("no TLS")
      else secure.end(OK.replace("\r\n", "\r\nConnection: close\r\n"))
    })
    const get = newClient()
    for (let i = 0; i < 2; i++) expect(await get(url)).toEqual({ status: 200, body: "ok" })
    expect((await get(url)).error).toBeDefined()
    expect(await get(url)).toEqual({ status: 200, body: "ok" })
    expect(reused).toEqual([false, true, true, false])
  })

  it("sends requests ahead on a connection that was kept", async () => {
    const asked: string[] = []
    const { url, connections } = await serve((socket, _connection, _plain, bytes) => {
      const paths = [...bytes.toString().matchAll(/^GET (\S+) /gm)].map(([, path]) => path!)
      asked.push(paths.join(" "))
      for (const path of paths) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
    })
    const http = new NodeHttp()
    cleanUps.push(() => http.close())
    const fetch = (path: string, send: (listener: HttpListener) => HttpExchange | undefined): Promise<string> => {
      const { promise, resolve, reject } = deferred<string>()
      let body = ""
      const exchange = send({
        onHead: () => {},
        onData: (chunk) => {
          body += Buffer.from(chunk).toString("latin1")
        },
        onEnd: () => resolve(body),
        onError: reject,
      })
      if (exchange === undefined) reject(new Error(`${path} was not sent behind the other`))
      return promise
    }
    const request = (path: string): HttpRequest => ({ url: `${url}${path}`, idleTimeout: 10_000 })
    expect(await fetch("a", (listener) => http.get(request("a"), listener))).toBe("/a")
    let first: HttpExchange | undefined
    const bodies = [
      fetch("b", (listener) => {
        first = http.get(request("b"), listener)
        return first
      }),
      fetch("c", (listener) => first?.follow(request("c"), listener)),
    ]
    expect(await Promise.all(bodies)).toEqual(["/b", "/c"])
    expect(asked).toEqual(["/a", "/b /c"])
    expect(connections()).toBe(1)
  })
})
