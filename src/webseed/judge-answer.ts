import { parseRetryAfter } from "../bytes/retry-after.js"
import type { HttpHead } from "../ports/http.js"

/** What was asked for: bytes `from` up to, not including, `to` of a file that is `fileLength` bytes long. */
export interface AskedRange {
  readonly name: string
  readonly fileLength: number
  readonly from: number
  readonly to: number
}

/** The source will not, or can't, give this file: it may be so with all of them. */
export interface FileRefused {
  readonly kind: "file-refused"
  readonly reason: string
  readonly status: number
}

/** Why an answer can't be used, and what follows for its source. */
export type Refusal =
  /** This file is not there, or is another one: the rest of the source may be good. */
  | { kind: "file-missing"; reason: string; status: number }
  | FileRefused
  /** The source will not serve us at all. */
  | { kind: "refused"; reason: string }
  /** Not now. `retryAfter`: milliseconds the server asked for. */
  | { kind: "busy"; reason: string; status: number; retryAfter: number | undefined }
  /** Against the rules of HTTP, or for something we did not ask. */
  | { kind: "wrong-answer"; reason: string }

export type Verdict =
  /**
   * The body holds the file's bytes `start` up to `end` (as far as the server says). `ignoredRange`: a part was asked
   * for and the whole file comes.
   */
  { kind: "body"; start: number; end: number | undefined; ignoredRange: boolean } | Refusal

/** Judges the head of an answer to a ranged GET. `wallTime`: milliseconds since 1970, for a Retry-After that is a date. */
export function judgeAnswer(asked: AskedRange, head: HttpHead, wallTime: number): Verdict {
  const { status, headers } = head
  if (status === 206 || status === 200) {
    const verdict = status === 206 ? judgePartial(asked, headers) : judgeWhole(asked, headers)
    return verdict.kind === "body" ? (judgeEncoding(asked, head) ?? verdict) : verdict
  }
  const reason = `it answered ${status}`
  if (status === 416) {
    const there = /^bytes \*\/(\d{1,15})$/i.exec(headers["content-range"]?.trim() ?? "")?.[1]
    if (there === undefined) return { kind: "file-missing", reason, status }
    // Of the right size, so that what was asked for lies inside it.
    if (Number(there) === asked.fileLength) return { kind: "wrong-answer", reason: `${reason} to a range there is` }
    return otherSize(asked, Number(there), status)
  }
  if (status === 407) return { kind: "refused", reason }
  const forbidden = status === 401 || status === 403
  if (forbidden || status === 408 || status === 425 || status === 429 || status >= 500) {
    const retryAfter = parseRetryAfter(headers["retry-after"], wallTime)
    const ofServer = retryAfter !== undefined || status === 503 || !(forbidden || status >= 500)
    return ofServer ? { kind: "busy", reason, status, retryAfter } : { kind: "file-refused", reason, status }
  }
  if (status >= 400) return { kind: "file-missing", reason, status }
  return { kind: "wrong-answer", reason }
}

/** Servers are met that leave the unit out, or write it as a request does: `bytes=0-9/10`. */
const CONTENT_RANGE = /^(?:bytes)?[ =]*(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i

function judgePartial(asked: AskedRange, headers: HttpHead["headers"]): Verdict {
  const written = headers["content-range"]
  if (written === undefined) return { kind: "wrong-answer", reason: "its 206 has no Content-Range" }
  const match = CONTENT_RANGE.exec(written.trim())
  if (match === null) return { kind: "wrong-answer", reason: "its Content-Range is malformed" }
  const start = Number(match[1])
  const end = Number(match[2]) + 1
  if (match[3] !== "*" && Number(match[3]) !== asked.fileLength) {
    return otherSize(asked, Number(match[3]), 206)
  }
  const length = contentLength(headers)
  if (start !== asked.from || end <= start || end > asked.fileLength) {
    return { kind: "wrong-answer", reason: `it sent bytes ${start}-${end - 1} for ${asked.from}-${asked.to - 1}` }
  }
  if (length !== undefined && length !== end - start) {
    return { kind: "wrong-answer", reason: "its Content-Range and Content-Length differ" }
  }
  return { kind: "body", start, end, ignoredRange: false }
}

function judgeWhole(asked: AskedRange, headers: HttpHead["headers"]): Verdict {
  const length = contentLength(headers)
  if (length !== undefined && length !== asked.fileLength) {
    return otherSize(asked, length, 200)
  }
  const ignoredRange = asked.from > 0 || asked.to < asked.fileLength
  return { kind: "body", start: 0, end: length, ignoredRange }
}

/** The endings of files that are stored in an encoding, so that its name in a header tells nothing new. */
const STORED_ENCODINGS = new Map([
  ["gzip", /\.(t?gz|svgz)$/i],
  ["x-gzip", /\.(t?gz|svgz)$/i],
  ["compress", /\.t?z$/i],
  ["x-compress", /\.t?z$/i],
  ["bzip2", /\.t?bz2$/i],
  ["x-bzip2", /\.t?bz2$/i],
  ["br", /\.br$/i],
  ["zstd", /\.zst$/i],
])

/**
 * We ask for the bytes as they are. Compressed on the way they are useless, and nothing here unpacks them. But many
 * servers call an archive that simply lies there (`data.tar.gz`) "gzip-encoded" and send it as it is, and object stores keep
 * whatever their uploader called it (`aws-chunked`): that is fine. Who compresses on the way can't know both lengths.
 */
function judgeEncoding(asked: AskedRange, { status, headers }: HttpHead): Refusal | undefined {
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? ""
  if (encoding === "" || encoding === "identity") return undefined
  const whole = headers["content-range"]?.trim().endsWith(`/${asked.fileLength}`)
  const length = contentLength(headers) !== undefined
  if (length && whole !== false) return undefined
  if ((length || whole) && STORED_ENCODINGS.get(encoding)?.test(asked.name)) return undefined
  return { kind: "file-missing", reason: `it sends the file encoded (${encoding.slice(0, 20)})`, status }
}

function otherSize({ fileLength }: AskedRange, there: number, status: number): Refusal {
  return { kind: "file-missing", reason: `its file has ${there} bytes instead of ${fileLength}`, status }
}

function contentLength(headers: HttpHead["headers"]): number | undefined {
  const written = headers["content-length"]?.trim()
  return written !== undefined && /^\d{1,15}$/.test(written) ? Number(written) : undefined
}
