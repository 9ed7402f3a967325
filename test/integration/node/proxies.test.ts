import { execFile, execFileSync } from "node:child_process"
import { createSocket } from "node:dgram"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer as createSecureServer } from "node:https"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { FindAddresses } from "../../../src/node/connect-race.js"
import { createDetour } from "../../../src/node/detour.js"
import { NodeHttp } from "../../../src/node/http.js"
import { HttpError } from "../../../src/ports/http.js"
import type { ProxySettings } from "../../../src/proxy/proxies.js"
import { encodeDatagram } from "../../../src/proxy/socks5-datagram.js"
import { deferred } from "../../support/deferred.js"
import { describeWith } from "../../support/partners/index.js"
import {
  dante,
  microsocks,
  type ProxyOptions,
  type RunningProxy,
  startProxy,
  tinyproxy,
} from "../../support/partners/proxy.js"
import { findProgram } from "../../support/program.js"
import { serveRaw } from "../../support/raw-server.js"
import { folderInfo, torrentOf } from "../../support/torrents.js"
import { startWebServer } from "../../support/web-server.js"

const cleanUps: Array<() => unknown> = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function proxy(options: ProxyOptions): Promise<RunningProxy> {
  const running = await startProxy(options)
  cleanUps.push(() => running.stop())
  return running
}

async function serve(text: string): Promise<{ port: string; requests: { headers: object }[] }> {
  const server = await startWebServer(() => ({ status: 200, body: new TextEncoder().encode(text) }))
  cleanUps.push(() => server.close())
  return { port: new URL(server.origin).port, requests: server.requests }
}

/** Nothing may be looked up here; what was is a failure of the test. */
const noLookup: FindAddresses = (hostname) => Promise.reject(new Error(`${hostname} was looked up`))

/** A GET with those proxies set. */
async function get(
  url: string,
  settings: ProxySettings,
  lookup: FindAddresses = noLookup,
): Promise<string | HttpError> {
  const http = new NodeHttp({ lookup, detour: createDetour(settings)?.web })
  const { promise, resolve } = deferred<string | HttpError>()
  let body = ""
  http.get(
    { url, idleTimeout: 10_000 },
    {
      onHead: ({ status }) => {
        body = status === 200 ? "" : `${status} `
      },
      onData: (chunk) => {
        body += new TextDecoder().decode(chunk)
      },
      onEnd: () => resolve(body),
      onError: resolve,
    },
  )
  const outcome = await promise
  await http.close()
  return outcome
}

describe.each(["socks5", "http"] as const)("HTTP through a proxy, %s", (kind) => {
  it("leaves it to the proxy to resolve names, also those of redirects", async () => {
    const there = await serve("there")
    const moved = await startWebServer(() => ({
      status: 302,
      headers: { location: `http://two.example:${there.port}/x?y=1` },
    }))
    cleanUps.push(() => moved.close())
    const { port } = new URL(moved.origin)
    const { port: at, asked } = await proxy({
      kind,
      names: { "one.example": "127.0.0.1", "two.example": "127.0.0.1" },
    })
    expect(await get(`http://one.example:${port}/`, { all: `${kind}://127.0.0.1:${at}` })).toBe("there")
    expect(asked()).toEqual(
      kind === "http"
        ? [`get http://one.example:${port}/`, `get http://two.example:${there.port}/x?y=1`]
        : [`connect one.example ${port}`, `connect two.example ${there.port}`],
    )
    expect(there.requests[0]!.headers).toMatchObject({ host: `two.example:${there.port}` })
  })

  it("tells the proxy alone who we are", async () => {
    const server = await serve("there")
    const { port } = await proxy({ kind, login: "user:pass:word", names: { "a.example": "127.0.0.1" } })
    const url = `http://a.example:${server.port}/`
    expect(await get(url, { http: `${kind}://user:pass%3Aword@127.0.0.1:${port}` })).toBe("there")
    expect(server.requests[0]!.headers).not.toHaveProperty("proxy-authorization")
    for (const login of ["", "user:wrong@"]) {
      const error = await get(url, { http: `${kind}://${login}127.0.0.1:${port}` })
      expect(error).toBeInstanceOf(HttpError)
      expect(error).toMatchObject({ failure: "proxy", message: expect.stringMatching(/the proxy .*(user|password)/) })
      expect((error as HttpError).message).not.toContain("wrong")
    }
    expect(server.requests).toHaveLength(1)
  })

  it("says that it was the proxy that could not be had", async () => {
    const error = await get("http://a.example/", { http: `${kind}://127.0.0.1:9` })
    expect(error).toMatchObject({ failure: "network", message: expect.stringContaining("the proxy 127.0.0.1:9") })
  })

  it("goes straight to whom NO_PROXY names", async () => {
    const server = await serve("there")
    const settings = { all: `${kind}://127.0.0.1:9`, none: "direct.example" }
    const lookup: FindAddresses = async () => [{ address: "203.0.113.9", family: 4 }]
    // Who is looked up here is not asked for at the proxy.
    expect(await get(`http://direct.example:${server.port}/`, settings)).toMatchObject({
      message: expect.stringContaining("direct.example was looked up"),
    })
    expect(await get(`http://127.0.0.1:${server.port}/`, { ...settings, none: "127.0.0.0/8" }, lookup)).toBe("there")
  })

  it("asks the proxy for no forbidden place, nor follows a public one into a private network", async () => {
    const { port, asked } = await proxy({ kind, names: { "a.example": "127.0.0.1" } })
    const settings = { all: `${kind}://127.0.0.1:${port}` }
    for (const place of ["169.254.169.254", "metadata.google.internal", "[fe80::1]"]) {
      expect(await get(`http://${place}/`, settings)).toMatchObject({ failure: "unsafe-address" })
    }
    for (const location of ["http://10.0.0.1/", "http://localhost/", "http://router/"]) {
      const server = await startWebServer(() => ({ status: 302, headers: { location } }))
      cleanUps.push(() => server.close())
      const url = `http://a.example:${new URL(server.origin).port}/`
      expect(await get(url, settings)).toMatchObject({ failure: "unsafe-address" })
    }
    expect(asked().filter((line) => !line.includes("a.example"))).toEqual([])
  })

  it("has the certificate checked of the host itself", async ({ skip }) => {
    const certificate = makeCertificate() ?? skip("openssl is not installed")
    const server = createSecureServer(certificate.pem, (_request, response) => response.end("secret"))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    cleanUps.push(() => server.close())
    const { port } = server.address() as { port: number }
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0")
    cleanUps.push(() => vi.unstubAllEnvs())
    const { port: at, asked } = await proxy({ kind, names: { "a.example": "127.0.0.1" } })
    expect(await get(`https://a.example:${port}/`, { https: `${kind}://127.0.0.1:${at}` })).toMatchObject({
      failure: "tls",
      message: expect.stringContaining("self-signed"),
    })
    expect(asked()).toEqual([`connect a.example ${port}`])
  })
})

/** A proxy that says one thing after the other to each client, whatever it hears; and how many clients it had. */
async function bluntProxy(...words: (string | Uint8Array)[]) {
  let clients = 0
  const port = await serveRaw(cleanUps, (socket) => {
    clients++
    const left = [...words]
    socket.on("data", () => socket.write(left.shift() ?? ""))
  })
  return { at: `127.0.0.1:${port}`, clients: () => clients }
}

describe("a proxy that refuses", () => {
  const UNKNOWN =
    'HTTP/1.1 407 Who?\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm="a, b"\r\nContent-Length: 0\r\n\r\n'
  const BAD_LOGIN = [Uint8Array.of(5, 2), Uint8Array.of(1, 1)]

  it.each([
    { how: "a request", scheme: "http", page: "http", words: [UNKNOWN] },
    { how: "CONNECT", scheme: "http", page: "https", words: [UNKNOWN] },
    { how: "SOCKS", scheme: "socks5", page: "http", words: BAD_LOGIN },
  ])("our password is sent it once, by whomever: accounts are locked after a few wrong ones ($how)", async (way) => {
    const { at, clients } = await bluntProxy(...way.words)
    const ask = (host: string) => get(`${way.page}://${host}.example/`, { all: `${way.scheme}://me:old@${at}` })
    for (const error of [...(await Promise.all(["a", "a", "b", "c"].map(ask))), await ask("d")]) {
      expect(error).toMatchObject({
        failure: "proxy",
        message: expect.stringContaining("the proxy does not take this user and password"),
      })
      if (way.scheme === "http")
        expect(error).toMatchObject({ message: expect.stringContaining("(it offers: Negotiate, Basic)") })
    }
    expect(clients()).toBe(1)
    // What was set right is tried.
    await get(`${way.page}://a.example/`, { all: `${way.scheme}://me:new@${at}` })
    expect(clients()).toBe(2)
  })

  it("one place is not asked for it again, but for others", async () => {
    const { at, clients } = await bluntProxy("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    const settings = { all: `http://me:secret@${at}` }
    for (const host of ["a", "b"]) {
      expect(await get(`https://${host}.example/`, settings)).toMatchObject({
        failure: "proxy",
        message: expect.stringContaining("the proxy refused with HTTP status 403"),
      })
    }
    expect(clients()).toBe(2)
    const socks = await bluntProxy(Uint8Array.of(5, 0), Uint8Array.of(5, 2, 0, 1, 0, 0, 0, 0, 0, 0))
    expect(await get("http://a.example/", { all: `socks5://${socks.at}` })).toMatchObject({ failure: "proxy" })
  })

  it("only for now may be asked again", async () => {
    const { at } = await bluntProxy("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    expect(await get("https://a.example/", { all: `http://me:secret@${at}` })).toMatchObject({ failure: "network" })
  })
})

it("a proxy can't answer for a host that is spoken with by TLS", async () => {
  const { at } = await bluntProxy("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
  const error = await get("https://a.example/", { all: `http://${at}` })
  expect(error).toMatchObject({ message: expect.stringContaining("the proxy says more than it was asked") })
})

it("a proxy that is reached by TLS has its certificate checked", async ({ skip }) => {
  const certificate = makeCertificate() ?? skip("openssl is not installed")
  const { port, asked } = await proxy({ kind: "http", tls: certificate.files })
  vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0")
  cleanUps.push(() => vi.unstubAllEnvs())
  for (const protocol of ["http", "https"]) {
    expect(await get(`${protocol}://a.example/`, { all: `https://user:password@127.0.0.1:${port}` })).toMatchObject({
      failure: "tls",
    })
  }
  expect(asked()).toEqual([])
})

it("behind a proxy there is no listening, there are no datagrams, and names stand for themselves", async () => {
  const { net, udp, multicast, reach } = createDetour({ http: "http://127.0.0.1:9", none: "10.0.0.0/8" })!
  expect(reach).toBe("web")
  await expect(net.listen({ port: 0 }, () => expect.fail())).rejects.toThrow("no listening")
  await expect(udp.open({ family: 4, port: 0 }, () => {})).rejects.toThrow("no datagrams")
  await expect(multicast.join({ host: "239.192.152.143", port: 6771 }, () => {})).rejects.toThrow("no datagrams")
  const throughHttp = createDetour({ all: "http://127.0.0.1:9" })!
  await expect(throughHttp.udp.open({ family: 4, port: 0 }, () => {})).rejects.toThrow("no datagrams")
  expect(await throughHttp.net.resolve("a.example")).toEqual(["a.example"])
  const { promise: closed, resolve } = deferred<Error | undefined>()
  const listener = { onOpen: () => {}, onData: () => {}, onDrain: () => {}, onClose: resolve }
  net.connect({ host: "127.0.0.1", port: 9 }, listener)
  expect((await closed)?.message).toBe("there is no proxy for peers")
})

it("behind proxies for HTTP alone, only what NO_PROXY covers has addresses", async () => {
  const { net } = createDetour({ http: "http://127.0.0.1:9", none: "10.0.0.0/8,localhost" })!
  expect(await net.resolve("10.1.2.3")).toEqual(["10.1.2.3"])
  for (const host of ["a.example", "192.0.2.1", "::1"]) {
    await expect(net.resolve(host)).rejects.toThrow("no proxy for peers, and NO_PROXY does not cover it")
  }
  await expect(net.resolve("localhost")).rejects.toThrow(/NO_PROXY does not cover (127\.0\.0\.1|::1)$/)
})

describeWith("HTTP through other people's proxies", [microsocks, tinyproxy], () => {
  it("microsocks, with a password", async () => {
    const server = await serve("there")
    const socks = await microsocks.start({ user: "me", password: "secret" })
    cleanUps.push(() => socks.stop())
    const url = `http://127.0.0.1:${server.port}/`
    expect(await get(url, { all: `socks5://me:secret@127.0.0.1:${socks.port}` })).toBe("there")
    const wrong = await get(url, { all: `socks5://me:guess@127.0.0.1:${socks.port}` })
    expect(wrong).toMatchObject({ message: expect.stringContaining("does not take this user and password") })
  })

  it("tinyproxy, with a password, by request and by CONNECT", async () => {
    const server = await serve("there")
    const web = await tinyproxy.start({ user: "me", password: "secret" })
    cleanUps.push(() => web.stop())
    const http = `http://me:secret@127.0.0.1:${web.port}`
    expect(await get(`http://127.0.0.1:${server.port}/`, { http })).toBe("there")
    // The server speaks no TLS, so the way was open.
    const error = await get(`https://127.0.0.1:${server.port}/`, { https: http })
    expect(error).toMatchObject({ failure: "tls" })
    expect(await get(`http://127.0.0.1:${server.port}/`, { http: `http://127.0.0.1:${web.port}` })).toMatchObject({
      message: expect.stringContaining("the proxy wants a user and a password"),
    })
  })
})

/** Sends back what it gets, upside down. */
async function startEcho(): Promise<{ host: string; port: number }> {
  const socket = createSocket("udp4")
  socket.on("message", (datagram, from) => socket.send(datagram.reverse(), from.port, from.address))
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve))
  cleanUps.push(() => socket.close())
  return { host: "127.0.0.1", port: socket.address().port }
}

/** A socket for datagrams through a SOCKS5 proxy, and what it heard. */
async function openUdp(port: number, login = "") {
  const heard: string[] = []
  let wake = (): void => {}
  const { udp } = createDetour({ all: `socks5h://${login}127.0.0.1:${port}` })!
  const socket = await udp.open({ family: 4, port: 0 }, (datagram, from) => {
    heard.push(`${new TextDecoder().decode(datagram)} ${from.host} ${from.port}`)
    wake()
  })
  cleanUps.push(() => socket.close())
  const next = async (): Promise<string> => {
    while (heard.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    return heard.shift()!
  }
  return {
    next,
    port: socket.port,
    send: (text: string, to: { host: string; port: number }) => socket.send(new TextEncoder().encode(text), to),
  }
}

describe("datagrams through SOCKS5", () => {
  it("get to addresses and names, and their answers back", async () => {
    const { host, port } = await startEcho()
    const options = { datagrams: true, login: "me:secret", names: { "echo.example": host } }
    const { port: at, asked } = await proxy({ kind: "socks5", ...options })
    const { send, next } = await openUdp(at, "me:secret@")
    for (const to of [host, "echo.example"]) {
      send("abc", { host: to, port })
      expect(await next()).toBe(`cba ${host} ${port}`)
    }
    send("secrets", { host: "169.254.169.254", port: 80 })
    send("secrets", { host: "metadata.google.internal", port: 80 })
    send("xyz", { host, port })
    expect(await next()).toBe(`zyx ${host} ${port}`)
    expect(asked()).toEqual(["associate", ...[host, "echo.example", host].map((to) => `datagram ${to} ${port}`)])
  })

  it("are taken from the relay alone", async () => {
    const echo = await startEcho()
    const { port: at } = await proxy({ kind: "socks5", datagrams: true })
    const { send, next, port } = await openUdp(at)
    const stranger = createSocket("udp4")
    const forged = encodeDatagram({ host: "203.0.113.5", port: 80 }, new TextEncoder().encode("forged"))
    await new Promise((resolve) => stranger.send(forged, port, "127.0.0.1", resolve))
    stranger.close()
    send("abc", echo)
    expect(await next()).toBe(`cba ${echo.host} ${echo.port}`)
  })

  it("have a new relay when the connection was lost that the old one hung on", async () => {
    const echo = await startEcho()
    const { port, asked } = await proxy({ kind: "socks5", datagrams: true })
    const { send, next } = await openUdp(port)
    send("hang up", { host: "hang-up", port: 1 })
    // Whether the end was seen by then or not, nothing of what is sent is sure to arrive: as ever with datagrams.
    const again = setInterval(() => send("abc", echo), 20)
    cleanUps.push(() => clearInterval(again))
    await vi.waitFor(() => expect(asked().filter((line) => line === "associate")).toHaveLength(2), 10_000)
    expect(await next()).toBe(`cba ${echo.host} ${echo.port}`)
  })

  it("are refused by name where the proxy has no relay", async () => {
    const { port } = await proxy({ kind: "socks5" })
    await expect(openUdp(port)).rejects.toThrow("no datagrams: the proxy does not do that")
    await expect(openUdp(9)).rejects.toThrow("no datagrams: connect ECONNREFUSED")
  })

  it("need not wait for a proxy that says nothing", async () => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
    cleanUps.push(() => silent.close())
    const { udp } = createDetour({ all: `socks5://127.0.0.1:${(silent.address() as AddressInfo).port}` })!
    const ending = new AbortController()
    const opening = udp.open({ family: 4, port: 0, signal: ending.signal }, () => {})
    ending.abort()
    await expect(opening).rejects.toThrow("no datagrams")
  })
})

describeWith("datagrams through another's SOCKS5 proxy", [dante], () => {
  it("Dante", async () => {
    const echo = await startEcho()
    const running = await dante.start()
    cleanUps.push(() => running.stop())
    const { send, next } = await openUdp(running.port)
    for (const to of ["127.0.0.1", "localhost"]) {
      send("abc", { ...echo, host: to })
      expect(await next()).toBe(`cba 127.0.0.1 ${echo.port}`)
    }
  })
})

function makeCertificate() {
  if (findProgram("openssl") === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), "at-tls-"))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") }
  const args = [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=a.example",
    "-addext",
    "subjectAltName=DNS:a.example,DNS:localhost",
  ]
  execFileSync("openssl", [...args, "-keyout", files.key, "-out", files.cert], { stdio: "ignore" })
  return { files, pem: { key: readFileSync(files.key), cert: readFileSync(files.cert) } }
}

describe("a .torrent by https through a proxy, as the command gets it", () => {
  const COMMAND = fileURLToPath(new URL("../../../dist/cli/academictorrents.js", import.meta.url))

  it.each(["socks5", "http", "https"])(
    "%s: TLS with the host itself, whose name the proxy resolves",
    async (scheme) => {
      if (!existsSync(COMMAND)) throw new Error("dist/ is absent: run `npm run build` first")
      const certificate = makeCertificate()
      if (certificate === undefined) return
      const torrent = torrentOf(folderInfo())
      const server = createSecureServer(certificate.pem, (_request, response) => response.end(torrent))
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      cleanUps.push(() => server.close())
      const { port } = server.address() as { port: number }
      const { port: at, asked } = await proxy({
        kind: scheme === "socks5" ? "socks5" : "http",
        login: "me:secret",
        names: { "a.example": "127.0.0.1" },
        ...(scheme === "https" ? { tls: certificate.files } : {}),
      })
      const home = mkdtempSync(join(tmpdir(), "at-home-"))
      cleanUps.push(() => rmSync(home, { recursive: true }))
      const env = {
        HOME: home,
        PATH: process.env["PATH"],
        NODE_EXTRA_CA_CERTS: certificate.files.cert,
        HTTPS_PROXY: `${scheme}://me:secret@localhost:${at}`,
      }
      const info = ["info", `https://a.example:${port}/x.torrent`, "--json"]
      const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, ...info], { env, timeout: 30_000 })
      expect(JSON.parse(stdout)).toMatchObject({ name: "dataset" })
      expect(asked()).toEqual([`connect a.example ${port}`])
    },
  )
})
