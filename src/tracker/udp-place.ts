import { classifyHost } from "../bytes/address-policy.js"
import { type Family, familyOf, formatIp, parseIp } from "../bytes/ip.js"
import { ipScope } from "../bytes/ip-scope.js"
import type { Endpoint } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import { failed, type TrackerFailure } from "./announce.js"
import type { UdpTarget } from "./tracker-url.js"

/** A resolver that hangs must not hold a tracker back from its next try. */
const RESOLVE_TIMEOUT = 10_000

/** Where a UDP tracker is: an address in canonical text, or a name that a proxy resolves, whose family is not known. */
export interface UdpPlace extends Endpoint {
  readonly family: Family
}

/**
 * One address of each family that the tracker has: one that `isMet`, which knows us, else one chosen by chance, so that the
 * next announce is likely to go elsewhere when it is dead. A public name never leads to an address inside the user's own network. Never rejects.
 */
export async function resolveUdpTarget(
  platform: Pick<Platform, "clock" | "random" | "net">,
  target: UdpTarget,
  signal: AbortSignal,
  isMet: (place: Endpoint) => boolean,
): Promise<readonly UdpPlace[] | TrackerFailure> {
  const found = await resolve(platform, target.hostname, signal)
  if ("kind" in found) return found
  // Behind a proxy a name stands for itself.
  if (found[0] === target.hostname && parseIp(target.hostname) === undefined) {
    return [{ host: target.hostname, port: target.port, family: 4 }]
  }
  const local = classifyHost(target.hostname) === "local"
  const hosts = found
    .map((address) => parseIp(address))
    .filter((address) => address !== undefined)
    .filter((address) => ipScope(address) === "public" || (local && ipScope(address) !== "refused"))
    .map((address) => formatIp(address))
  if (hosts.length === 0) return failed("its name leads to no address that may be used")
  return ([4, 6] as const).flatMap((family) => {
    const ofFamily = hosts.filter((host) => familyOf(host) === family)
    if (ofFamily.length === 0) return []
    const met = ofFamily.filter((host) => isMet({ host, port: target.port }))
    const choice = met.length > 0 ? met : ofFamily
    return [{ host: choice[platform.random.below(choice.length)]!, port: target.port, family }]
  })
}

function resolve(
  platform: Pick<Platform, "clock" | "net">,
  hostname: string,
  signal: AbortSignal,
): Promise<readonly string[] | TrackerFailure> {
  return new Promise((done) => {
    const settle = (outcome: readonly string[] | TrackerFailure): void => {
      timer.cancel()
      signal.removeEventListener("abort", onAbort)
      done(outcome)
    }
    const onAbort = (): void => settle(failed("stopped"))
    const timer = platform.clock.after(RESOLVE_TIMEOUT, () => settle(failed("its name can't be resolved in time")))
    signal.addEventListener("abort", onAbort)
    if (signal.aborted) onAbort()
    else platform.net.resolve(hostname).then(settle, () => settle(failed("its name can't be resolved")))
  })
}
