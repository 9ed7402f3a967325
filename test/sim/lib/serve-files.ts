import type { WebAnswer, WebHandler, WebRequest } from "./virtual-web.js"

/** What goes wrong with an answer. Each is a line of what web seeds are known to do. */
export type FileFault =
  | "no-ranges"
  | "no-content-range"
  | "wrong-content-range"
  | "missing"
  | "gone"
  | "forbidden"
  | "error"
  | "wrong-bytes"
  | "empty-206"
  | "longer"
  | "html"
  | "not-satisfiable"
  | "reset"
  | "silence"
  | { readonly busy: 429 | 503; readonly retryAfter?: number }
  | { readonly cutAfter: number }
  | { readonly stallAfter: number }
  | { readonly bytesPerSecond: number | (() => number) }
  | { readonly delay: number }

export interface ServeFilesOptions {
  /** Asked for every request; undefined: all is well. */
  readonly fault?: (request: WebRequest) => FileFault | undefined
  readonly etag?: (path: string) => string
}

const HTML = new TextEncoder().encode("<!doctype html><title>Please sign in</title>")

/** A static file server. Keys are decoded paths beginning with `/`. */
export function serveFiles(
  files: ReadonlyMap<string, Uint8Array> | Readonly<Record<string, Uint8Array>>,
  options: ServeFilesOptions = {},
): WebHandler {
  const find = (path: string) =>
    files instanceof Map ? files.get(path) : Object.entries(files).find(([at]) => at === path)?.[1]
  return (request) => {
    const file = find(request.path)
    const fault = options.fault?.(request)
    if (fault === "reset" || fault === "silence") return fault
    if (file === undefined || fault === "missing") return { status: 404 }
    if (typeof fault === "object" && "busy" in fault) {
      const headers = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) }
      return { status: fault.busy, headers }
    }
    const headers = options.etag === undefined ? {} : { etag: options.etag(request.path) }
    const { range } = request.headers
    const answer = answerRange(file, range, headers)
    return fault === undefined ? answer : spoil(answer, file, fault)
  }
}

function answerRange(file: Uint8Array, range: string | undefined, headers: Record<string, string>): WebAnswer {
  const bounds = /^bytes=(\d+)-(\d*)$/.exec(range ?? "")
  if (bounds === null) return { status: 200, headers: { "accept-ranges": "bytes", ...headers }, body: file }
  const start = Number(bounds[1])
  const end = bounds[2] === "" ? file.length - 1 : Math.min(Number(bounds[2]), file.length - 1)
  if (start >= file.length || end < start)
    return { status: 416, headers: { "content-range": `bytes */${file.length}` } }
  const contentRange = `bytes ${start}-${end}/${file.length}`
  return { status: 206, headers: { "content-range": contentRange, ...headers }, body: file.subarray(start, end + 1) }
}

function spoil(answer: WebAnswer, file: Uint8Array, fault: Exclude<FileFault, "reset" | "silence">): WebAnswer {
  if (typeof fault === "object") return "busy" in fault ? answer : { ...answer, ...fault }
  const body = answer.body instanceof Uint8Array ? answer.body : new Uint8Array(0)
  const { "content-range": contentRange = "", ...otherHeaders } = answer.headers ?? {}
  switch (fault) {
    case "no-ranges":
      return { status: 200, headers: otherHeaders, body: file }
    case "no-content-range":
      return { ...answer, headers: otherHeaders }
    case "wrong-content-range":
      return {
        ...answer,
        headers: { ...otherHeaders, "content-range": contentRange.replace(/\d+/, (at) => `${Number(at) + 1}`) },
      }
    case "gone":
      return { status: 410 }
    case "forbidden":
      return { status: 403 }
    case "error":
      return { status: 500 }
    case "missing":
      return { status: 404 }
    case "not-satisfiable":
      return { status: 416, headers: { "content-range": `bytes */${file.length}` } }
    case "wrong-bytes":
      return { ...answer, body: body.map((byte) => byte ^ 0x55) }
    case "empty-206":
      return { ...answer, body: new Uint8Array(0) }
    case "longer": {
      const longer = new Uint8Array(body.length + 1000)
      longer.set(body)
      return { ...answer, body: longer }
    }
    case "html":
      return { status: 200, headers: { "content-type": "text/html" }, body: HTML }
  }
}
