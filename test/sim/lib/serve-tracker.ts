import type { Endpoint } from "../../../src/ports/net.js"
import { concat } from "../../support/bytes.js"
import type { Simulation } from "./simulation.js"
import type { HostProfile } from "./virtual-network.js"

/**
 * A tracker at `http://HOST/announce`, on a machine of its own. `peers`: whom it names to everybody, by IPv4 addresses. `interval`:
 * seconds, default 1800.
 *
 * @returns the arguments of the announces that it has heard
 */
export function serveTracker(
  simulation: Simulation,
  host: string,
  options: { peers?: readonly Endpoint[]; interval?: number; profile?: Partial<HostProfile> } = {},
): URLSearchParams[] {
  const { peers = [], interval = 1800, profile = {} } = options
  const compact = peers.flatMap((peer) => [...peer.host.split(".").map(Number), peer.port >> 8, peer.port & 255])
  const head = Buffer.from(`d8:intervali${interval}e5:peers${compact.length}:`)
  const body = concat([head, Uint8Array.from(compact), Buffer.from("e")])
  const heard: URLSearchParams[] = []
  simulation.machine(host, profile)
  simulation.web.serve(`http://${host}`, ({ url }) => {
    heard.push(new URL(url).searchParams)
    return { status: 200, body }
  })
  return heard
}
