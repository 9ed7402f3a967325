// A proxy that does what it is told on its command line, as JSON: node proxy.mjs '{"kind":"socks5"}'
//   kind: "socks5" or "http"; host: where it listens; login: "user:password" that it wants;
//   names: {"data.example": "127.0.0.1"}, all the names it knows; key and cert: files, for TLS with its clients;
//   datagrams: it relays them, too, at a UDP port of the same number
// It prints its port, and then a line for everything it is asked for: "connect HOST PORT", "associate", "datagram HOST PORT"
// or "get URL". A datagram for "hang-up" has it end all connections.
// Plain JavaScript, so that it runs inside a network namespace without a build.
import { createSocket } from "node:dgram"
import { readFileSync } from "node:fs"
import { createServer as createHttpServer, request as httpRequest } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import { connect, createServer, isIP } from "node:net"

const { kind, host = "127.0.0.1", login, names = {}, key, cert, datagrams = false } = JSON.parse(process.argv[2])

const say = (line) => process.stdout.write(`${line}\n`)

/** Connects, or calls back with what went wrong. Names that were not told are not known: nothing is looked up. */
function dial(to, port, done) {
  say(`connect ${to} ${port}`)
  const address = isIP(to) ? to : names[to]
  if (address === undefined) return done(new Error("unknown name"))
  const there = connect({ host: address, port, allowHalfOpen: true })
  there.once("error", done)
  there.once("connect", () => {
    there.off("error", done)
    done(undefined, there)
  })
}

function join(client, there) {
  for (const [from, to] of [
    [client, there],
    [there, client],
  ]) {
    from.on("error", () => to.destroy())
    from.on("close", () => to.destroy())
    from.pipe(to)
  }
}

/** The bytes of a client, so many at a time. */
class Reader {
  constructor(socket) {
    this.bytes = Buffer.alloc(0)
    this.socket = socket
    this.onData = (chunk) => {
      this.bytes = Buffer.concat([this.bytes, chunk])
      this.wake?.()
    }
    socket.on("data", this.onData)
  }

  async take(length) {
    while (this.bytes.length < length) {
      await new Promise((resolve) => {
        this.wake = resolve
      })
    }
    const taken = this.bytes.subarray(0, length)
    this.bytes = this.bytes.subarray(length)
    return taken
  }

  end() {
    this.socket.off("data", this.onData)
    this.socket.pause()
    if (this.bytes.length > 0) this.socket.unshift(this.bytes)
  }
}

async function serveSocks(client) {
  const reader = new Reader(client)
  const [, count] = await reader.take(2)
  const methods = await reader.take(count)
  const method = login === undefined ? 0 : 2
  if (!methods.includes(method)) return client.end(Buffer.of(5, 0xff))
  client.write(Buffer.of(5, method))
  if (method === 2) {
    const [, userLength] = await reader.take(2)
    const user = await reader.take(userLength)
    const [passwordLength] = await reader.take(1)
    const password = await reader.take(passwordLength)
    if (`${user}:${password}` !== login) return client.end(Buffer.of(1, 1))
    client.write(Buffer.of(1, 0))
  }
  const [, command, , type] = await reader.take(4)
  let to
  if (type === 1) to = (await reader.take(4)).join(".")
  else if (type === 3) to = String(await reader.take((await reader.take(1))[0]))
  else {
    const bytes = await reader.take(16)
    to = bytes.toString("hex").replace(/(.{4})(?!$)/g, "$1:")
  }
  const port = (await reader.take(2)).readUInt16BE()
  if (command === 3) {
    if (!datagrams) return client.end(Buffer.of(5, 7, 0, 1, 0, 0, 0, 0, 0, 0))
    say("associate")
    const { port: relayPort } = relay.address()
    return client.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, relayPort >> 8, relayPort & 255))
  }
  dial(to, port, (error, there) => {
    if (error) return client.end(Buffer.of(5, error.code === "ECONNREFUSED" ? 5 : 4, 0, 1, 0, 0, 0, 0, 0, 0))
    reader.end()
    client.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    join(client, there)
  })
}

const clients = new Set()

/** By a client's address and port: the socket that others see. */
const senders = new Map()

function senderFor(client) {
  const name = `${client.address} ${client.port}`
  const known = senders.get(name)
  if (known !== undefined) return known
  const sender = createSocket("udp4")
  sender.on("message", (datagram, from) => {
    const head = Buffer.of(0, 0, 0, 1, ...from.address.split(".").map(Number), from.port >> 8, from.port & 255)
    relay.send(Buffer.concat([head, datagram]), client.port, client.address)
  })
  senders.set(name, sender)
  return sender
}

function relayDatagram(bytes, client) {
  const end = bytes[3] === 1 ? 8 : 5 + bytes[4]
  const to = bytes[3] === 1 ? bytes.subarray(4, end).join(".") : String(bytes.subarray(5, end))
  const port = bytes.readUInt16BE(end)
  say(`datagram ${to} ${port}`)
  if (to === "hang-up") for (const client of clients) client.destroy()
  const address = isIP(to) ? to : names[to]
  if (address !== undefined) senderFor(client).send(bytes.subarray(end + 2), port, address)
}

const relay = datagrams ? createSocket("udp4").on("message", relayDatagram) : undefined

function refuses(request) {
  if (login === undefined) return false
  return request.headers["proxy-authorization"] !== `Basic ${Buffer.from(login).toString("base64")}`
}

/** Hands a request on as it is, but for what was meant for the proxy. */
function forward(request, response) {
  if (refuses(request)) return response.writeHead(407).end()
  say(`get ${request.url}`)
  const url = new URL(request.url)
  const address = isIP(url.hostname) ? url.hostname : names[url.hostname]
  const { "proxy-authorization": _, ...headers } = request.headers
  if (address === undefined) return response.writeHead(502).end()
  const there = httpRequest({ host: address, port: url.port || 80, path: url.pathname + url.search, headers })
  there.on("response", (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    answer.pipe(response)
    answer.on("error", () => response.destroy())
  })
  there.on("error", () => response.destroy())
  response.on("close", () => there.destroy())
  there.end()
}

function onConnect(request, client) {
  client.on("error", () => {})
  if (refuses(request)) return client.end("HTTP/1.1 407 Who are you\r\n\r\n")
  const [, to, port] = /^\[?(.*?)\]?:(\d+)$/.exec(request.url)
  dial(to, Number(port), (error, there) => {
    if (error) return client.end("HTTP/1.1 502 Nobody there\r\n\r\n")
    client.write("HTTP/1.1 200 Go on\r\n\r\n")
    join(client, there)
  })
}

function webProxy() {
  if (key === undefined) return createHttpServer(forward)
  return createHttpsServer({ key: readFileSync(key), cert: readFileSync(cert) }, forward)
}

const server =
  kind === "http"
    ? webProxy().on("connect", onConnect)
    : createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
        clients.add(client.on("error", () => {}))
        serveSocks(client)
      })
server.listen(0, host, () => {
  const { port } = server.address()
  const ready = () => say(`listening at ${port}`)
  if (relay === undefined) ready()
  else relay.bind(port, host, ready)
})
