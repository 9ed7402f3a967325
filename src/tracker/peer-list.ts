import { type Family, formatIp, parseIp } from "../bytes/ip.js"
import { ipScope } from "../bytes/ip-scope.js"
import { asDictionary, asList, type BencodeValue } from "../metainfo/bencode.js"
import type { Endpoint } from "../ports/net.js"

/**
 * Peers taken from one answer. We ask for about a hundred; a tracker that sends a hundred thousand makes us connect to
 * its victims.
 */
export const MAX_PEERS = 1000

/**
 * Collects the peers of an answer, and leaves out what can't be one: port 0, and addresses at which nobody is
 * ({@link ipScope}). Private and loopback addresses stay: labs have their swarms there.
 */
export class PeerList {
  readonly peers: Endpoint[] = []

  /** BEP 23 (`family` 4: 6 bytes a peer) and BEP 7 (`family` 6: 18 bytes). A rest at the end is ignored. */
  addCompact(bytes: Uint8Array, family: Family): void {
    const addressLength = family === 4 ? 4 : 16
    const stride = addressLength + 2
    for (let at = 0; at + stride <= bytes.length && this.peers.length < MAX_PEERS; at += stride) {
      const port = (bytes[at + addressLength]! << 8) | bytes[at + addressLength + 1]!
      this.#add(bytes.subarray(at, at + addressLength), port)
    }
  }

  /** BEP 3: dictionaries of `ip` and `port`. Host names are left out: resolving them is a stranger's errand. */
  addDictionaries(list: readonly BencodeValue[]): void {
    for (const element of list) {
      if (this.peers.length >= MAX_PEERS) return
      const peer = asDictionary(element)
      const address = parseIp(peer?.text("ip") ?? "")
      const port = peer?.integer("port") ?? 0
      if (address !== undefined) this.#add(address, port)
    }
  }

  /** `peers` or `peers6` of an HTTP answer, in either form. */
  addValue(value: BencodeValue | undefined, family: Family): void {
    if (value instanceof Uint8Array) this.addCompact(value, family)
    else this.addDictionaries(asList(value) ?? [])
  }

  #add(address: Uint8Array, port: number): void {
    if (port < 1 || port > 65535 || ipScope(address) === "refused") return
    this.peers.push({ host: formatIp(address), port })
  }
}
