import type { Platform } from "../../../src/ports/platform.js"
// What the engine loads when it needs it: here it is there already, for the clock waits for nothing outside.
import "../../../src/lsd/lsd.js"
import "../../../src/portmap/port-map.js"
import "../../../src/utp/socket.js"
import { MemoryDisk, type MemoryDiskOptions } from "./memory-disk.js"
import { SimHasher } from "./sim-hasher.js"
import { lockOn } from "./sim-lock.js"
import { SimLog } from "./sim-log.js"
import { SimRandom } from "./sim-random.js"
import { ProcessClock, VirtualClock } from "./virtual-clock.js"
import { VirtualHttp } from "./virtual-http.js"
import { VirtualMulticast } from "./virtual-multicast.js"
import { type HostProfile, type TcpOptions, type VirtualHost, VirtualNetwork } from "./virtual-network.js"
import { VirtualNet } from "./virtual-tcp.js"
import { VirtualUdp } from "./virtual-udp.js"
import { badCertificates, VirtualWeb } from "./virtual-web.js"

export interface SimulationOptions {
  /** The same seed gives the same run, event by event. */
  readonly seed: number | string
  readonly tcp?: Partial<TcpOptions>
}

export interface MachineOptions extends Partial<HostProfile> {
  readonly disk?: Omit<MemoryDiskOptions, "clock" | "random">
}

/** The platform of one simulated process, with what only a test may see. */
export interface SimPlatform extends Platform {
  readonly clock: ProcessClock
  readonly random: SimRandom
  readonly disk: MemoryDisk
  readonly log: SimLog
}

/** A machine: a place on the network, a disk, and one process of ours at a time. */
export class SimMachine {
  readonly host: VirtualHost
  readonly #simulation: Simulation
  readonly #random: SimRandom
  #platform: SimPlatform
  #starts = 0

  constructor(simulation: Simulation, host: VirtualHost, random: SimRandom, disk: MachineOptions["disk"]) {
    this.#simulation = simulation
    this.host = host
    this.#random = random
    const clock = new ProcessClock(simulation.clock)
    this.#platform = this.#start(clock, new MemoryDisk({ ...disk, clock, random: random.fork("disk") }))
  }

  /** Of the process that runs now. */
  get platform(): SimPlatform {
    return this.#platform
  }

  get disk(): MemoryDisk {
    return this.#platform.disk
  }

  /** `kill -9` and a fresh start: its connections are reset, its disk keeps everything. Nothing of the old process runs on. */
  restart(): SimPlatform {
    const clock = this.#end(false)
    this.#platform = this.#start(clock, this.disk.fork({ clock }))
    return this.#platform
  }

  /** The power fails and comes back; see {@link MemoryDisk.crash} for `keep`. Other machines notice nothing at first. */
  powerCut(keep = 0): SimPlatform {
    const clock = this.#end(true)
    this.#platform = this.#start(clock, this.disk.crash({ keep, clock }))
    return this.#platform
  }

  /** `kill -STOP`, or a machine asleep. What others send waits: its connections stand, as TCP's do. */
  suspend(): void {
    this.#platform.clock.suspend()
    this.host.cutOff()
  }

  /** `kill -CONT`: first its timers fire that were due, then what came meanwhile is read. */
  resume(): void {
    this.#platform.clock.resume()
    this.host.comeBack()
  }

  #end(silently: boolean): ProcessClock {
    this.#platform.clock.stop()
    this.host.reset(silently)
    return new ProcessClock(this.#simulation.clock)
  }

  #start(clock: ProcessClock, disk: MemoryDisk): SimPlatform {
    const random = this.#random.fork(`process ${this.#starts++}`)
    const net = new VirtualNet(this.#simulation.network, this.host, clock)
    return {
      reach: "open",
      clock,
      random,
      net,
      udp: new VirtualUdp(this.#simulation.network, this.host, clock),
      multicast: new VirtualMulticast(this.#simulation.network, this.host),
      http: new VirtualHttp(net, clock, (remote) => {
        const server = this.#simulation.network.find(remote.host, this.host)
        return server !== undefined && badCertificates.get(server)?.has(remote.port) === true
      }),
      disk,
      hasher: new SimHasher(clock, random.fork("hasher"), disk),
      log: new SimLog(clock),
      acquireLock: lockOn(disk),
      ownAddresses: () => (this.host.isCutOff ? [] : this.host.addresses),
    }
  }
}

/** One scenario: a clock, a network, a web, and machines. */
export class Simulation {
  readonly clock = new VirtualClock()
  readonly random: SimRandom
  readonly network: VirtualNetwork
  readonly web: VirtualWeb
  readonly #machines = new Map<string, SimMachine>()

  constructor(options: SimulationOptions) {
    this.random = new SimRandom(options.seed)
    this.network = new VirtualNetwork(this.clock, this.random.fork("network"), options.tcp)
    this.web = new VirtualWeb(this.network)
  }

  /** The machine with this address (or these), made at the first call. */
  machine(address: string | readonly string[], options: MachineOptions = {}): SimMachine {
    const key = typeof address === "string" ? address : address[0]!
    const known = this.#machines.get(key)
    if (known !== undefined) return known
    const { disk, ...profile } = options
    const machine = new SimMachine(this, this.network.host(address, profile), this.random.fork(key), disk)
    this.#machines.set(key, machine)
    return machine
  }

  /** The platform of the process on that machine. */
  platform(address: string | readonly string[], options: MachineOptions = {}): SimPlatform {
    return this.machine(address, options).platform
  }

  /** See {@link VirtualClock.run}. */
  run(milliseconds: number): Promise<void> {
    return this.clock.run(milliseconds)
  }

  /** See {@link VirtualClock.runUntil}: the promise's value, or an error when it can't or does not come in time. */
  runUntil(goal: () => boolean, limit?: number): Promise<void>
  runUntil<T>(goal: Promise<T>, limit?: number): Promise<T>
  runUntil<T>(goal: Promise<T> | (() => boolean), limit?: number): Promise<T | undefined> {
    return typeof goal === "function"
      ? this.clock.runUntil(goal, limit).then(() => undefined)
      : this.clock.runUntil(goal, limit)
  }
}

export function createSimulation(options: SimulationOptions): Simulation {
  return new Simulation(options)
}
