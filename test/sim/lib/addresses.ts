/** One spelling for each IPv6 address, so that they can be map keys; all else comes back as it is. */
export function canonicalAddress(address: string): string {
  const url = `http://[${address}]/`
  return address.includes(":") && URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address
}

/** 4 or 6 for an IP address, undefined for a name. */
export function addressFamily(host: string): 4 | 6 | undefined {
  if (host.includes(":")) return 6
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host) ? 4 : undefined
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1"
}

/** An error as the system's network calls give it. */
export function networkError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
