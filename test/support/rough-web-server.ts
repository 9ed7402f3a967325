import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

/** ms between the parts of a body that trickles. */
const DRIP = 100

export interface RoughRequest {
  /** As it was sent: not decoded. */
  readonly target: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** The range asked for; undefined without one. `to` is not part of it. */
  readonly range: { readonly from: number; readonly to: number } | undefined
  /** Number of its connection, from 0, and its own number on that. */
  readonly connection: number
  readonly onConnection: number
  /** ms since the server started. */
  readonly at: number
}

export interface RoughAnswer {
  readonly status?: number
  readonly version?: "1.0" | "1.1"
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** `close`: neither a length nor chunks, the end of the connection ends the body. */
  readonly framing?: "length" | "chunked" | "close"
  /** Bytes a second, asked for ten times a second; no limit when absent. */
  readonly rate?: () => number
  /** The connection is cut after so many bytes of the body. */
  readonly cutAfter?: number
  /** The connection ends after the answer, which doesn't say so. */
  readonly closes?: boolean
  /** Called when the answer is over, or whoever asked has gone. */
  readonly onEnd?: () => void
}

/** A web server on loopback that writes its answers byte by byte: with all that Node's own server would not do. */
export interface RoughServer extends AsyncDisposable {
  readonly origin: string
  readonly requests: RoughRequest[]
  /** Bytes of bodies that were written. */
  readonly sent: number
}

export async function startRoughServer(
  answer: (request: RoughRequest) => RoughAnswer,
  host = "127.0.0.1",
): Promise<RoughServer> {
  const started = performance.now()
  const sockets = new Set<Socket>()
  const requests: RoughRequest[] = []
  let connections = 0
  let sent = 0

  async function serve(socket: Socket, connection: number): Promise<void> {
    let text = ""
    let onConnection = 0
    for await (const chunk of socket) {
      text += (chunk as Buffer).toString("latin1")
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const at = performance.now() - started
        const request = parseHead(text.slice(0, end), { connection, onConnection: onConnection++, at })
        text = text.slice(end + 4)
        requests.push(request)
        const given = answer(request)
        await send(socket, given).finally(given.onEnd)
      }
    }
  }

  async function send(socket: Socket, answer: RoughAnswer): Promise<void> {
    const { status = 200, version = "1.1", body = new Uint8Array(), framing = "length", rate } = answer
    const kept = { length: { "content-length": String(body.length) }, chunked: { "transfer-encoding": "chunked" } }
    const headers = { ...(framing === "close" ? {} : kept[framing]), ...answer.headers }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`HTTP/${version} ${status} Whatever\r\n${lines.join("")}\r\n`)
    const end = Math.min(answer.cutAfter ?? body.length, body.length)
    for (let at = 0; at < end; ) {
      const part = body.subarray(at, Math.min(at + Math.ceil(rate ? (rate() * DRIP) / 1000 : 65_536), end))
      at += part.length
      if (socket.destroyed) return
      sent += part.length
      if (framing === "chunked") socket.write(`${part.length.toString(16)}\r\n`)
      const room = socket.write(part)
      if (framing === "chunked") socket.write("\r\n")
      if (rate !== undefined) await sleep(DRIP)
      else if (!room) await Promise.race([once(socket, "drain"), once(socket, "close")])
    }
    if (end < body.length) socket.destroy()
    else if (framing === "chunked") socket.write("0\r\n\r\n")
    if (framing === "close" || answer.closes === true) socket.end()
  }

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    // Who goes away early is the client's right.
    socket.on("error", () => {})
    serve(socket, connections++).catch(() => socket.destroy())
  })
  server.listen(0, host)
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    requests,
    get sent() {
      return sent
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, "close")
    },
  }
}

/** The honest answer to a request for a file. */
export function fileAnswer(file: Uint8Array, { range }: RoughRequest): RoughAnswer {
  if (range === undefined) return { body: file }
  const to = Math.min(range.to, file.length)
  const headers = { "content-range": `bytes ${range.from}-${to - 1}/${file.length}` }
  return { status: 206, headers, body: file.subarray(range.from, to) }
}

function parseHead(text: string, rest: Pick<RoughRequest, "connection" | "onConnection" | "at">): RoughRequest {
  const [first = "", ...lines] = text.split("\r\n")
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":")
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers["range"] ?? "")
  return {
    target: first.split(" ")[1] ?? "",
    headers,
    range: range === null ? undefined : { from: Number(range[1]), to: Number(range[2]) + 1 },
    ...rest,
  }
}
