/** Retry-After as milliseconds from now: seconds, or a date (RFC 9110, section 10.2.3); undefined when it is neither. */
export function parseRetryAfter(value: string | undefined, wallTime: number): number | undefined {
  const written = value?.trim() ?? ""
  if (/^\d{1,15}$/.test(written)) return Number(written) * 1000
  if (!written.endsWith("GMT")) return undefined
  const date = Date.parse(written)
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallTime)
}
