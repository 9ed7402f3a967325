import type { Clock } from "./clock.js"
import type { Disk } from "./disk.js"
import type { Hasher } from "./hasher.js"
import type { Http } from "./http.js"
import type { AcquireLock } from "./lock.js"
import type { Log } from "./log.js"
import type { Multicast } from "./multicast.js"
import type { Net } from "./net.js"
import type { Random } from "./random.js"
import type { Udp } from "./udp.js"

/** All that the engine needs from the machine: Node's (`node/platform.ts`), or the simulator's (`test/sim/lib`). */
export interface Platform {
  /**
   * How far we reach, and who reaches us.
   * - `open`: we are a host among others
   * - `outgoing`: all goes through a proxy. It makes connections for us, and carries datagrams if it can (SOCKS5), but lets
   *   nobody in
   * - `web`: HTTP goes through a proxy, and there is none for anything else
   *
   * Unless it is `open`, nothing may be started that waits to be reached: `net` refuses to listen, and `multicast` to join.
   */
  readonly reach: "open" | "outgoing" | "web"
  readonly clock: Clock
  readonly random: Random
  readonly net: Net
  readonly udp: Udp
  readonly multicast: Multicast
  readonly http: Http
  readonly disk: Disk
  readonly hasher: Hasher
  readonly log: Log
  readonly acquireLock: AcquireLock
  /** This machine's addresses by which others may reach it. Empty when there is no network, or they can't be told now. */
  ownAddresses(): readonly string[]
}
