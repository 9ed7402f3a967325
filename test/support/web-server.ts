import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { WebAnswer, WebHandler, WebRequest } from "../sim/lib/virtual-web.js"

/** A real web server on loopback that behaves as a handler of the simulator's web says. */
export interface RealWebServer {
  readonly origin: string
  readonly requests: WebRequest[]
  connections: number
  close(): Promise<void>
}

export async function startWebServer(handler: WebHandler): Promise<RealWebServer> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", real.origin)
    const seen: WebRequest = {
      url: url.href,
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      from: { host: request.socket.remoteAddress ?? "", port: request.socket.remotePort ?? 0 },
      at: performance.now(),
    }
    real.requests.push(seen)
    const answer = handler(seen)
    if (answer === "reset") request.socket.resetAndDestroy()
    else if (answer !== "silence") {
      // Who goes away early is the client's right.
      send(answer, response).catch(() => response.destroy())
    }
  })
  const real: RealWebServer = {
    origin: "",
    requests: [],
    connections: 0,
    close: async () => {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  server.on("connection", () => real.connections++)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return Object.assign(real, { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

async function send(answer: WebAnswer, response: ServerResponse): Promise<void> {
  const { status, body = new Uint8Array(0), cutAfter, stallAfter } = answer
  if (answer.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, answer.delay))
  const length = body instanceof Uint8Array ? { "content-length": String(body.length) } : {}
  response.writeHead(status, { ...length, ...answer.headers })
  let left = Math.min(cutAfter ?? Number.POSITIVE_INFINITY, stallAfter ?? Number.POSITIVE_INFINITY)
  for (const part of body instanceof Uint8Array ? [body] : body) {
    const piece = part.subarray(0, left)
    left -= piece.length
    if (!response.write(piece)) await once(response, "drain")
    if (left > 0) continue
    if (cutAfter !== undefined) response.destroy()
    return
  }
  response.end()
}
