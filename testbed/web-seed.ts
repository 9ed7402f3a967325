import { once, setMaxListeners } from "node:events"
import { open, stat } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { inUrl, listen } from "./listen.js"
import { Pacer } from "./pacer.js"

/** One GET as the server understood it. */
export interface WebSeedRequest {
  /** Decoded, without the leading slash. */
  readonly path: string
  /** First byte asked for. */
  readonly start: number
  /** One past the last byte asked for. */
  readonly end: number
  /** False when there was no Range header. */
  readonly ranged: boolean
  /** Requests for this file before this one. */
  readonly before: number
  readonly headers: IncomingMessage["headers"]
}

/** What happens instead of an honest answer. Counts of bytes are of the body. */
export type WebSeedFault =
  /** Any status, such as 404, 416 or 503 with Retry-After in seconds or as a date. */
  | { kind: "status"; status: number; retryAfter?: string }
  /** A web page with status 200. */
  | { kind: "html" }
  /** The whole file with status 200, as a server without ranges does. */
  | { kind: "no-ranges" }
  /** The right length, the wrong bytes. */
  | { kind: "wrong-bytes" }
  /** The connection is cut after so many bytes. */
  | { kind: "cut"; after: number }
  /** Nothing more comes after so many bytes, and the connection stays open. */
  | { kind: "stall"; after: number }
  /** Not even headers come. */
  | { kind: "silent" }
  /** 206 with no body. */
  | { kind: "empty" }
  /** 206 with a Content-Range that names other bytes; undefined leaves the header out. */
  | { kind: "content-range"; value: string | undefined }
  /** More body than the range, sent chunked. */
  | { kind: "longer"; by: number }
  /** The whole answer claims to be compressed. */
  | { kind: "encoded" }
  | { kind: "redirect"; to: string; status?: number }

export interface WebSeedOptions {
  /** What is served: the first element of a URL's path names it, a file or a folder on disk is it. */
  mounts: Readonly<Record<string, string>>
  host?: string
  port?: number
  /** Bytes a second, over all connections; no limit when absent. */
  rate?: number
  /** Milliseconds before each answer. */
  delay?: number
  /** Asked for each GET. */
  fault?: (request: WebSeedRequest) => WebSeedFault | undefined
}

export interface WebSeed {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string
  /** Every GET that was for a file there is, in the order they came. */
  readonly requests: readonly WebSeedRequest[]
  /** Body bytes sent for each path. */
  readonly bytesOf: ReadonlyMap<string, number>
  /** Body bytes sent in all. */
  readonly bytesServed: number
  /** The most requests that were ever answered at the same time. */
  readonly peak: number
  /** TCP connections accepted. */
  readonly connections: number
  /** Bytes a second; may be changed at any time. */
  rate: number
  /** Part of every ETag: changing it says that the files have changed. */
  version: string
  close(): Promise<void>
}

const CHUNK = 64 * 1024

/** Starts a file server with single byte ranges, keep-alive, ETag and If-Range. */
export async function startWebSeed(options: WebSeedOptions): Promise<WebSeed> {
  const host = options.host ?? "127.0.0.1"
  const pacer = new Pacer(options.rate)
  const stop = new AbortController()
  // Of requests sent ahead on its connections, many wait at a time.
  setMaxListeners(0, stop.signal)
  const requests: WebSeedRequest[] = []
  const bytesOf = new Map<string, number>()
  let bytesServed = 0
  let active = 0
  let peak = 0
  let connections = 0
  let version = "1"

  const send = async (response: ServerResponse, path: string, bytes: Buffer): Promise<void> => {
    await pacer.take(bytes.length, stop.signal)
    if (response.destroyed) throw new Error("the client left")
    bytesServed += bytes.length
    bytesOf.set(path, (bytesOf.get(path) ?? 0) + bytes.length)
    if (!response.write(bytes)) await once(response, "drain", { signal: stop.signal })
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0]!.slice(1))
    const file = diskPath(options.mounts, path)
    const size = file === undefined ? undefined : await sizeOf(file)
    if (options.delay) await sleep(options.delay, undefined, { signal: stop.signal })
    if (file === undefined || size === undefined) return void response.writeHead(404).end("no such file")
    const etag = `"${version}-${size}"`
    const same = request.headers["if-range"] === undefined || request.headers["if-range"] === etag
    const range = same ? parseRange(request.headers.range, size) : undefined
    response.setHeader("accept-ranges", "bytes")
    response.setHeader("etag", etag)
    if (request.method === "HEAD") return void response.writeHead(200, { "content-length": size }).end()
    const seen: WebSeedRequest = {
      path,
      start: range?.start ?? 0,
      end: range?.end ?? size,
      ranged: range !== undefined,
      before: requests.filter((earlier) => earlier.path === path).length,
      headers: request.headers,
    }
    requests.push(seen)
    const fault = options.fault?.(seen)
    if (range !== undefined && range.start >= size && fault === undefined) {
      return void response.writeHead(416, { "content-range": `bytes */${size}` }).end()
    }
    const plan = planAnswer(seen, size, fault)
    if (plan === "silent") return
    response.writeHead(plan.status, plan.headers)
    if ("text" in plan) return void response.end(plan.text)
    await sendBody(response, path, file, plan)
  }

  const sendBody = async (response: ServerResponse, path: string, file: string, plan: BodyPlan): Promise<void> => {
    const handle = await open(file)
    try {
      for (let at = plan.start; at < plan.end; at += CHUNK) {
        const length = Math.min(CHUNK, plan.end - at)
        const chunk = Buffer.alloc(length)
        await handle.read(chunk, 0, length, at)
        if (plan.wrong) for (let i = 0; i < length; i += 1024) chunk[i] = chunk[i]! ^ 0xff
        await send(response, path, chunk)
      }
      if (plan.more > 0) await send(response, path, Buffer.alloc(plan.more))
    } finally {
      await handle.close()
    }
    if (plan.finish === "end") response.end()
    else if (plan.finish === "cut") response.destroy()
  }

  const server = createServer((request, response) => {
    active++
    peak = Math.max(peak, active)
    response.once("close", () => active--)
    serve(request, response).catch(() => response.destroy())
  })
  server.on("connection", () => connections++)
  const listening = await listen(server, host, options.port ?? 0)
  return {
    url: `http://${inUrl(host)}:${listening.port}`,
    requests,
    bytesOf,
    get bytesServed() {
      return bytesServed
    },
    get peak() {
      return peak
    },
    get connections() {
      return connections
    },
    get rate() {
      return pacer.rate
    },
    set rate(rate) {
      pacer.rate = rate
    },
    get version() {
      return version
    },
    set version(text) {
      version = text
    },
    async close() {
      stop.abort()
      await listening.close()
    },
  }
}

interface BodyPlan {
  readonly status: number
  readonly headers: Record<string, string | number>
  readonly start: number
  readonly end: number
  /** Bytes sent after the range. */
  readonly more: number
  readonly wrong: boolean
  readonly finish: "end" | "cut" | "stall"
}

type Plan = BodyPlan | { status: number; headers: Record<string, string | number>; text: string } | "silent"

function planAnswer(request: WebSeedRequest, size: number, fault: WebSeedFault | undefined): Plan {
  const { start, end } = request
  const contentRange = `bytes ${start}-${end - 1}/${size}`
  const honest: BodyPlan = {
    status: request.ranged ? 206 : 200,
    headers: request.ranged
      ? { "content-length": end - start, "content-range": contentRange }
      : { "content-length": size },
    start,
    end,
    more: 0,
    wrong: false,
    finish: "end",
  }
  switch (fault?.kind) {
    case undefined:
      return honest
    case "status": {
      const headers = fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter }
      return { status: fault.status, headers, text: `status ${fault.status}` }
    }
    case "html":
      return { status: 200, headers: { "content-type": "text/html" }, text: "<!doctype html><title>Welcome</title>" }
    case "no-ranges":
      return { ...honest, status: 200, headers: { "content-length": size }, start: 0, end: size }
    case "wrong-bytes":
      return { ...honest, wrong: true }
    case "cut":
      return { ...honest, end: Math.min(end, start + fault.after), finish: "cut" }
    case "stall":
      return { ...honest, end: Math.min(end, start + fault.after), finish: "stall" }
    case "silent":
      return "silent"
    case "empty":
      return { status: 206, headers: { "content-length": 0, "content-range": contentRange }, text: "" }
    case "content-range": {
      const headers = fault.value === undefined ? {} : { "content-range": fault.value }
      return { ...honest, status: 206, headers: { "content-length": end - start, ...headers } }
    }
    case "longer":
      return { ...honest, headers: request.ranged ? { "content-range": contentRange } : {}, more: fault.by }
    case "encoded":
      return { ...honest, headers: { ...honest.headers, "content-encoding": "gzip" } }
    case "redirect":
      return { status: fault.status ?? 302, headers: { location: fault.to }, text: "" }
  }
}

/** The file a URL's path names, or undefined; `..` names nothing. */
function diskPath(mounts: Readonly<Record<string, string>>, path: string): string | undefined {
  const [name = "", ...rest] = path.split("/")
  const mount = Object.hasOwn(mounts, name) ? mounts[name] : undefined
  if (mount === undefined || rest.includes("..")) return undefined
  return join(mount, ...rest)
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const found = await stat(file)
    return found.isFile() ? found.size : undefined
  } catch {
    return undefined
  }
}

function parseRange(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? "")
  if (match === null) return undefined
  const start = Number(match[1])
  const end = match[2] === "" ? size : Math.min(size, Number(match[2]) + 1)
  return { start, end }
}
