import { parseIp } from "../../bytes/ip.js"
import { ipScope } from "../../bytes/ip-scope.js"
import type { Endpoint } from "../../ports/net.js"
import type { PeerSource } from "../peer-source.js"

/**
 * Where others could connect to a peer; undefined when that is not known. A uTP connection comes from the very port that
 * the peer listens at, or from what its gateway made of that port: either leads back to it.
 */
export function contactOf({ incoming, session }: PeerSource): Endpoint | undefined {
  const { remote, utp, listenPort } = session
  if (!incoming || utp) return remote
  return listenPort === undefined ? undefined : { host: remote.host, port: listenPort }
}

/**
 * Addresses for which a peer is answerable. Those elsewhere came with a twin (another connection of the same peer id), and
 * anybody can take somebody's id.
 */
export function ownAddresses({ session: { remote }, addresses }: PeerSource): readonly Endpoint[] {
  const own = addresses.filter(({ host }) => host === remote.host)
  return own.length > 0 ? own : [remote]
}

/** Whether that address leads to the peer, by whichever way it was learned. */
export function leadsTo(endpoint: Endpoint, { session, addresses }: PeerSource): boolean {
  const { remote, listenPort } = session
  if (remote.host === endpoint.host && (remote.port === endpoint.port || listenPort === endpoint.port)) return true
  return addresses.some(({ host, port }) => host === endpoint.host && port === endpoint.port)
}

/**
 * Whether a peer at `other` may lead us to a place, or hear of it from us. Who is on the internet can't lead us to one in a
 * local network, nor is it told of those in ours; and nobody leads to one where no peer can be.
 */
export function mayLeadTo({ host, port }: Endpoint, other: string): boolean {
  const scope = scopeOf(host)
  return port !== 0 && scope !== "refused" && (scope === "public" || scopeOf(other) !== "public")
}

/** See {@link ipScope}; a name has none. */
export function scopeOf(host: string): ReturnType<typeof ipScope> {
  const address = parseIp(host)
  return address === undefined ? "refused" : ipScope(address)
}
