import type { LookupAddress } from "node:dns"
import { type AddressClass, classifyAddress, mayConnect } from "../bytes/address-policy.js"
import { HttpError } from "../ports/http.js"
import type { FindAddresses } from "./connect-race.js"
import { hostNames } from "./host-names.js"

/** For hosts of each class that may be connected to at all. */
export type LookupByClass = Readonly<Record<Exclude<AddressClass, "forbidden">, FindAddresses>>

/** Lookups that keep to the address policy. Names are resolved by the system when `lookup` is absent. */
export function guardedLookups(lookup: FindAddresses = (hostname) => hostNames.find(hostname)): LookupByClass {
  return { public: guardedLookup("public", lookup), local: guardedLookup("local", lookup) }
}

/**
 * Resolves a name to the addresses that a host of that class may have. Connections go to just these, so a name that changes
 * its answers gains nothing.
 */
function guardedLookup(host: AddressClass, lookup: FindAddresses): FindAddresses {
  return async (hostname) => {
    const found = await lookup(hostname)
    const allowed = found.filter(({ address }) => mayConnect(host, classifyAddress(address)))
    if (allowed.length === 0) throw refusal(hostname, found)
    return allowed
  }
}

function refusal(hostname: string, found: readonly LookupAddress[]): HttpError {
  const isPrivate = found.some(({ address }) => classifyAddress(address) === "local")
  const where = isPrivate ? "an address inside a private network, which only the user may name" : "no address for data"
  return new HttpError("unsafe-address", `${hostname} leads to ${where}`)
}
