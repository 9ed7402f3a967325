import type { LookupAddress, LookupAllOptions } from "node:dns"
import type { LookupFunction } from "node:net"
import { type AddressClass, classifyAddress, mayConnect } from "../bytes/address-policy.js"
import { HttpError } from "../ports/http.js"
import { hostNames } from "./host-names.js"

/** How names are resolved: as `dns.lookup` does it when all addresses are asked for. */
export type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** For hosts of each class that may be connected to at all. */
export type LookupByClass = Readonly<Record<Exclude<AddressClass, "forbidden">, LookupFunction>>

/** Lookups that keep to the address policy. Names are resolved by the system when `lookup` is absent. */
export function guardedLookups(lookup: LookupAll = systemLookup): LookupByClass {
  return { public: guardedLookup("public", lookup), local: guardedLookup("local", lookup) }
}

const systemLookup: LookupAll = (hostname, _options, callback) => {
  hostNames.find(hostname).then(
    (addresses) => callback(null, [...addresses]),
    (error: NodeJS.ErrnoException) => callback(error, []),
  )
}

/**
 * Resolves a name to the addresses that a host of that class may have. The connection goes to one of just these, so a
 * name that changes its answers gains nothing.
 */
function guardedLookup(host: AddressClass, lookup: LookupAll): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, [])
      const allowed = found.filter(({ address }) => mayConnect(host, classifyAddress(address)))
      const [first] = allowed
      if (first === undefined) {
        callback(refusal(hostname, found), [])
      } else if (options.all) {
        callback(null, allowed)
      } else {
        callback(null, first.address, first.family)
      }
    })
  }
}

function refusal(hostname: string, found: readonly LookupAddress[]): HttpError {
  const isPrivate = found.some(({ address }) => classifyAddress(address) === "local")
  const where = isPrivate ? "an address inside a private network, which only the user may name" : "no address for data"
  return new HttpError("unsafe-address", `${hostname} leads to ${where}`)
}
