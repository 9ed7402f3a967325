import type { LookupAddress } from "node:dns"
import { type Family, parseIp } from "../bytes/ip.js"
import { HttpError } from "../ports/http.js"

/** Hosts remembered; the one that was heard of longest ago is forgotten for another. */
const MOST_HOSTS = 100

/**
 * Which address family leads to a host. Where packets of one go nowhere (IPv6 on many a campus), every new connection would
 * wait for it once more before it tries the other: the one that worked comes first from then on. One that connects has not
 * worked yet: only small packets may get through, or something on the way may have accepted.
 */
export class FamilyMemory {
  readonly #families = new Map<string, number>()

  /** The host's addresses, those of that family first. */
  sort(hostname: string, addresses: readonly LookupAddress[]): readonly LookupAddress[] {
    const first = this.#families.get(hostname)
    if (first === undefined) return addresses
    return [
      ...addresses.filter(({ family }) => family === first),
      ...addresses.filter(({ family }) => family !== first),
    ]
  }

  /** The host answered over that family. */
  worked(hostname: string, family: number): void {
    this.#families.delete(hostname)
    this.#families.set(hostname, family)
    if (this.#families.size > MOST_HOSTS) this.#families.delete(this.#families.keys().next().value!)
  }

  /** A connection over that family stood, and brought nothing until it broke or was given up. */
  failed(hostname: string, family: number): void {
    this.worked(hostname, family === 6 ? 4 : 6)
  }
}

/** Those of the host's addresses that are of one family. @throws HttpError when there are none */
export function ofFamily(family: Family, hostname: string, addresses: readonly LookupAddress[]): LookupAddress[] {
  const own = addresses.filter((one) => one.family === family)
  if (own.length === 0) throw new HttpError("network", `${hostname} has no IPv${family} address`)
  return own
}

/** A name may lead to addresses of either family; an address is of one. */
export function mayHaveFamily(hostname: string, family: Family): boolean {
  const address = parseIp(hostname)
  return address === undefined || address.length === (family === 4 ? 4 : 16)
}
