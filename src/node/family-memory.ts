import type { LookupFunction } from "node:net"
import { type Family, parseIp } from "../bytes/ip.js"
import { HttpError } from "../ports/http.js"

/** Hosts remembered; the one that was connected to longest ago is forgotten for another. */
const MOST_HOSTS = 100

/**
 * Which address family leads to a host. Where packets of one go nowhere (IPv6 on many a campus), every new connection would
 * wait for it once more before it tries the other: the one that worked comes first from then on.
 */
export class FamilyMemory {
  readonly #families = new Map<string, number>()

  /** The same lookup, with the addresses of that family first. */
  sorting(lookup: LookupFunction): LookupFunction {
    return (hostname, options, callback) =>
      lookup(hostname, options, (error, found, family) => {
        const first = this.#families.get(hostname)
        if (error !== null || first === undefined || typeof found === "string") callback(error, found, family)
        else
          callback(null, [
            ...found.filter((one) => one.family === first),
            ...found.filter((one) => one.family !== first),
          ])
      })
  }

  /** A connection to the host came about. `family` as sockets name it. */
  connected(hostname: string, family: string | undefined): void {
    this.#families.delete(hostname)
    this.#families.set(hostname, family === "IPv6" ? 6 : 4)
    if (this.#families.size > MOST_HOSTS) this.#families.delete(this.#families.keys().next().value!)
  }
}

/** The same lookup, which finds addresses of one family alone. */
export function ofFamily(family: Family, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, found, foundFamily) => {
      if (error !== null || typeof found === "string") return callback(error, found, foundFamily)
      const own = found.filter((one) => one.family === family)
      if (own.length > 0) callback(null, own)
      else callback(new HttpError("network", `${hostname} has no IPv${family} address`), [])
    })
}

/** A name may lead to addresses of either family; an address is of one. */
export function mayHaveFamily(hostname: string, family: Family): boolean {
  const address = parseIp(hostname)
  return address === undefined || address.length === (family === 4 ? 4 : 16)
}
