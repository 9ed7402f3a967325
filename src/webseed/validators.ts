/** What identifies one state of a file on the server (RFC 9110, section 8.8). */
export interface Validators {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** A date says more than an ETag: mirrors behind one name agree on dates, but each has its own ETags. */
export function differ(a: Validators, b: Validators): boolean {
  if (a.lastModified !== undefined && b.lastModified !== undefined) return a.lastModified !== b.lastModified
  return a.etag !== undefined && b.etag !== undefined && a.etag !== b.etag
}
