import { parseIp } from "./ip.js"
import { ipScope } from "./ip-scope.js"
import { withoutBrackets } from "./url.js"

/**
 * What an address is to us. `public`: anywhere on the internet. `local`: this machine or a private network.
 * `forbidden`: nothing that a torrent may lead to, whoever names it.
 */
export type AddressClass = "public" | "local" | "forbidden"

/** Dialled, it is this machine: what a web server of a user's own prints, as "listening on 0.0.0.0". */
const UNSPECIFIED = new Set(["0.0.0.0", "::"])

/** Names under which clouds offer their machines' secrets. */
const FORBIDDEN_NAMES = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
])

/** Names kept for use inside a network (RFC 6761, RFC 6762, RFC 8375, and custom). One without a dot is meant so, too. */
const LOCAL_NAME = /\.(localhost|local|lan|internal|home\.arpa)$/

/** The class of an IP address in its usual form. IPv6 addresses that carry an IPv4 one are judged by that. */
export function classifyAddress(address: string): AddressClass {
  const bytes = parseAddress(address)
  if (bytes === undefined) return "forbidden"
  const scope = ipScope(bytes)
  if (scope === "public") return "public"
  return scope === "refused" && !UNSPECIFIED.has(address) ? "forbidden" : "local"
}

/** The last host asked about: many small files come from one. */
let last: { readonly hostname: string; readonly host: AddressClass } | undefined

/** The class of a URL's host name, which may be an address (an IPv6 one with or without brackets). */
export function classifyHost(hostname: string): AddressClass {
  if (last?.hostname !== hostname) last = { hostname, host: classify(hostname) }
  return last.host
}

function classify(hostname: string): AddressClass {
  const name = withoutBrackets(hostname.toLowerCase().replace(/\.$/, ""))
  if (parseAddress(name) !== undefined) return classifyAddress(name)
  if (name === "" || FORBIDDEN_NAMES.has(name)) return "forbidden"
  return !name.includes(".") || LOCAL_NAME.test(name) ? "local" : "public"
}

/** Whether a connection to an address of class `address` may be made for a host of class `host`. */
export function mayConnect(host: AddressClass, address: AddressClass): boolean {
  if (host === "forbidden" || address === "forbidden") return false
  return host === "local" || address === "public"
}

/**
 * The class that a host is connected to as. What the user names may be inside whatever its name looks like: in many institutes,
 * public names lead to private addresses.
 */
export function connectedAs(host: AddressClass, namedByUser: boolean): AddressClass {
  return namedByUser && host === "public" ? "local" : host
}

/** Whether a host of class `from` may redirect to one of class `to`. */
export function mayRedirect(from: AddressClass, to: AddressClass): boolean {
  return from === "local" ? to !== "forbidden" : to === "public"
}

/** Why {@link queriesLocalPlace} forbids a URL. */
export const NO_LOCAL_QUERY = "a torrent may not send a query to a local address"

/**
 * Whether a URL would carry a query into the user's own network. Strangers may not name such a one: to many a router,
 * `?action=reboot` is an order. They may name a path alone, for the sake of laboratories.
 */
export function queriesLocalPlace(url: URL): boolean {
  return url.search !== "" && classifyHost(url.hostname) === "local"
}

/** With or without the zone (`%eth0`) that says on which of our own interfaces an IPv6 address is. */
function parseAddress(text: string): Uint8Array | undefined {
  return parseIp(text.includes(":") ? text.replace(/%.*$/, "") : text)
}
