import { readFileSync } from "node:fs"

/** Where Linux shows its IPv4 routes. */
const ROUTES = "/proc/net/route"
/** The route leads to a router (linux/route.h). */
const RTF_GATEWAY = 2

/** The router's IPv4 address, if the system shows it (Linux). */
export function defaultGateway(): string | undefined {
  try {
    return gatewayOf(readFileSync(ROUTES, "latin1"))
  } catch {
    return undefined
  }
}

/** The first default route's router. Addresses are words in the machine's byte order: all that Node runs on are little-endian. */
export function gatewayOf(routes: string): string | undefined {
  for (const line of routes.split("\n").slice(1)) {
    const [, destination, gateway = "", flags = ""] = line.split("\t")
    if (destination !== "00000000" || (Number.parseInt(flags, 16) & RTF_GATEWAY) === 0) continue
    const word = Number.parseInt(gateway, 16)
    return [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff).join(".")
  }
  return undefined
}
