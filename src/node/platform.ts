import { type Log, silentLog } from "../ports/log.js"
import type { Platform } from "../ports/platform.js"
import { nodeClock } from "./clock.js"
import type { Detour } from "./detour.js"
import { NodeDisk } from "./disk.js"
import { NodeHasher, type NodeHasherOptions } from "./hasher.js"
import { NodeHttp } from "./http.js"
import { acquireLock } from "./lock-file.js"
import { createMulticast } from "./multicast.js"
import { ownAddresses } from "./own-address.js"
import { NodeRandom } from "./random.js"
import { NodeNet } from "./tcp.js"
import { nodeUdp } from "./udp.js"

export interface PlatformOptions {
  /** Default: says nothing. */
  readonly log?: Log | undefined
  readonly hasher?: Omit<NodeHasherOptions, "log">
  /** Bytes received at a time by plain connections: few make a limit smooth, and many are less work. Default: 256 KiB. */
  readonly receiveLength?: number | undefined
  /** Where others are reached through proxies. */
  readonly detour?: Detour | undefined
}

/** The machine as the engine sees it. It takes nothing (no thread, no socket) before it is used. */
export interface NodePlatform extends Platform {
  /** Ends the worker threads and the kept connections; streams, files and ports are their owners' to close. */
  close(): Promise<void>
}

export function createPlatform(options: PlatformOptions = {}): NodePlatform {
  const log = options.log ?? silentLog
  const { detour, receiveLength } = options
  const http = new NodeHttp({ detour: detour?.web, receiveLength })
  const hasher = new NodeHasher({ ...options.hasher, log })
  const disk = new NodeDisk()
  return {
    reach: detour?.reach ?? "open",
    clock: nodeClock,
    random: new NodeRandom(),
    net: detour?.net ?? new NodeNet(receiveLength),
    udp: detour?.udp ?? nodeUdp,
    multicast: detour?.multicast ?? createMulticast(),
    http,
    disk,
    hasher,
    log,
    acquireLock,
    ownAddresses,
    async close() {
      await Promise.all([http.close(), hasher.close(), disk.close()])
    },
  }
}
