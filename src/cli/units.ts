import { formatSize } from "../bytes/words.js"
import { AtError } from "../errors.js"

const BINARY: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }
const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  "": 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** A size or a rate as users write it: `10M` is 10 MiB, `512k`, `1.5G`. `flag` is what it was given with. @throws AtError `AT_INVALID_INPUT` */
export function parseSize(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])i?)?b?(?:\/s)?$/i.exec(text.trim())
  const factor = BINARY[(match?.[2] ?? "").toLowerCase()]
  if (match === null || factor === undefined) throw malformed(flag, text, "a size", "10M for 10 MiB, 512k or 1.5G")
  const bytes = Math.round(Number(match[1]) * factor)
  if (bytes < 1 || !Number.isSafeInteger(bytes)) throw malformed(flag, text, "a size", "something above 0, like 10M")
  return bytes
}

/** A time as users write it: `30s`, `10m`, `2h`; a bare number is seconds. Returns ms. @throws AtError `AT_INVALID_INPUT` */
export function parseDuration(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)$/.exec(text.trim())
  const factor = MILLISECONDS[match?.[2] ?? "?"]
  const duration = Number(match?.[1]) * (factor ?? Number.NaN)
  if (!(duration > 0 && duration < Number.POSITIVE_INFINITY)) throw malformed(flag, text, "a time", "30s, 10m or 2h")
  return duration
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(Math.round(bytesPerSecond))}/s`
}

/** Seconds in words: `4 s`, `3 min 20 s`, `5 h 12 min`, `2 d 4 h`. */
export function formatDuration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`
}

/** The same of what is over, where a tenth of a second may be a good part of it: `0.4 s`. */
export function formatElapsed(seconds: number): string {
  return seconds < 9.95 ? `${Math.max(0, seconds).toFixed(1)} s` : formatDuration(seconds)
}

/** Never "100 %" before all is there. */
export function formatPercent(done: number, total: number): string {
  if (done >= total) return "100 %"
  return `${(Math.floor((1000 * done) / total) / 10).toFixed(1)} %`
}

function malformed(flag: string, text: string, what: string, examples: string): AtError {
  return new AtError("AT_INVALID_INPUT", `${flag}: "${text}" is not ${what}`, { hint: `write ${examples}` })
}
