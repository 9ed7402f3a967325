import { parseIp } from "../bytes/ip.js"
import { parseSubnet, type Subnet, subnetContains } from "../bytes/subnet.js"
import { withoutBrackets } from "../bytes/url.js"

/**
 * The hosts that `NO_PROXY` names, as curl reads it: separated by commas or blanks, each a domain (with all below it; a dot
 * at its start changes nothing), an address, or a subnet like `10.0.0.0/8`. A `*` alone is every host. Ports are not
 * looked at.
 */
export class NoProxy {
  readonly #all: boolean
  /** Lower case, without dots at the ends. */
  readonly #domains: readonly string[]
  readonly #subnets: readonly Subnet[]

  constructor(list: string) {
    this.#all = list.trim() === "*"
    const items = list.split(/[\s,]+/).map((item) => withoutBrackets(item.toLowerCase()))
    const subnets = items.map(parseSubnet)
    this.#subnets = subnets.filter((item) => item !== undefined)
    this.#domains = items
      .filter((item, at) => subnets[at] === undefined && !item.includes("/"))
      .map((item) => item.replace(/^\.|\.$/g, ""))
      .filter((item) => item !== "")
  }

  /** Every host is named: there is no proxy at all. */
  get isAll(): boolean {
    return this.#all
  }

  /** `hostname` is a name or an address; an IPv6 one with or without brackets. */
  names(hostname: string): boolean {
    if (this.#all) return true
    const name = withoutBrackets(hostname.toLowerCase()).replace(/\.$/, "")
    const address = parseIp(name)
    if (address !== undefined) return this.#subnets.some((subnet) => subnetContains(subnet, address))
    return this.#domains.some((domain) => name === domain || name.endsWith(`.${domain}`))
  }
}
