import { findProgram, Program } from "./program.js"

/**
 * A network of its own, in which a whole scenario runs on several addresses and from which nothing leaves.
 * It lives as long as its holder process, so that nothing is left behind when a test dies.
 */
export interface Netns {
  readonly addresses: readonly string[]
  /** What a command is run through to be inside: `spawn(enter[0], [...enter.slice(1), command, ...args])`. */
  readonly enter: readonly string[]
  /** Process id of the holder: its `/proc/PID/net` shows the inside. */
  readonly pid: number
  /** Runs a shell command inside, wants success, and returns what it said. */
  run(script: string): Promise<string>
  close(): Promise<void>
}

/** What is missing to open one, or undefined. */
export function netnsMissing(): string | undefined {
  if (process.platform !== "linux") return "Linux (network namespaces)"
  if (process.getuid?.() !== 0) return "root (network namespaces)"
  if (findProgram("ip") === undefined) return "ip (apt-get install iproute2)"
  return undefined
}

/** Opens a namespace with the given addresses on its loopback interface, besides 127.0.0.1. */
export async function openNetns(addresses: readonly string[], maxSeconds = 600): Promise<Netns> {
  const commands = [
    "ip link set lo up",
    ...addresses.map((address) => `ip addr add ${address}/32 dev lo`),
    "echo inside $$",
    `exec sleep ${maxSeconds}`,
  ]
  const holder = new Program("unshare", ["--net", "--", "sh", "-c", commands.join(" && ")], { maxSeconds })
  const [, pid] = await holder.until(/inside (\d+)\n/, 10)
  const enter = ["nsenter", `--net=/proc/${pid}/ns/net`, "--"]
  return {
    addresses,
    enter,
    pid: Number(pid),
    run: async (script) => {
      const program = new Program("sh", ["-c", script], { through: enter, maxSeconds: 30 })
      await program.succeeded(30)
      return program.output
    },
    close: () => holder.stop(),
  }
}

/** What is missing to lose packets in one, or undefined. */
export function lossMissing(): string | undefined {
  return netnsMissing() ?? (findProgram("iptables") === undefined ? "iptables (apt-get install iptables)" : undefined)
}

/** Refuses TCP connections that come in by the cable, as a firewall does. */
export async function refuseTcp(netns: Netns): Promise<void> {
  await netns.run("iptables -A INPUT -i cable -p tcp --syn -j REJECT --reject-with tcp-reset")
}

/** Sends multicast by the cable, as a default route would. */
export async function routeMulticast(netns: Netns): Promise<void> {
  await netns.run("ip route add 224.0.0.0/4 dev cable")
}

/** What goes out by the cable is as large as a cable takes, and not put together from packets of 64 KiB. */
const WITHOUT_OFFLOADING = "ip link set cable gso_max_size 1500 gso_max_segs 1"

/**
 * Loses packets that come in by the cable: `share` is 0 to 1, and the first `unharmed` bytes pass. Off-loading, which would
 * lose 64 KiB at a time, ends.
 */
export async function losePackets(netns: Netns, share: number, { unharmed = 0 } = {}): Promise<void> {
  await netns.run(
    `${WITHOUT_OFFLOADING} &&
     iptables -A INPUT -i cable -m quota --quota ${unharmed} -j ACCEPT &&
     iptables -A INPUT -i cable -m statistic --mode random --probability ${share} -j DROP`,
  )
}

/** Holds what goes out by the cable to so many bytes a second, with a queue of 50 ms, as a router has. */
export async function limitRate(netns: Netns, rate: number): Promise<void> {
  await netns.run(`tc qdisc add dev cable root tbf rate ${8 * rate}bit burst 32kb latency 50ms`)
}

/** More addresses at which the other end of the cable reaches it: `10.77.1.1/16` as `ip addr` takes them. */
export async function addAddresses(netns: Netns, addresses: readonly string[]): Promise<void> {
  await netns.run(addresses.map((address) => `ip addr add ${address} dev cable`).join(" && "))
}

/** IPv6 is used at once, without a look whether somebody else has the address. */
function prefixOf(address: string): string {
  return address.includes(":") ? "/64 nodad" : "/16"
}

/** Two namespaces with a cable between them: hosts with one address each, of one /16 or /64. */
export async function openNetnsPair(addresses: readonly [string, string]): Promise<[Netns, Netns]> {
  const left = await openNetns([])
  const right = await openNetns([]).catch(async (error: unknown) => {
    await left.close()
    throw error
  })
  try {
    await left.run(`ip link add cable type veth peer name cable netns ${right.pid}`)
    const up = (address: string): string =>
      `ip link set cable up && ip addr add ${address}${prefixOf(address)} dev cable`
    await Promise.all([left.run(up(addresses[0])), right.run(up(addresses[1]))])
  } catch (error) {
    await Promise.all([left.close(), right.close()])
    throw error
  }
  return [
    { ...left, addresses: [addresses[0]] },
    { ...right, addresses: [addresses[1]] },
  ]
}

/** Hosts on one switch. */
export interface Lan {
  readonly hosts: readonly Netns[]
  /** Holds what one host gets from another to so many bytes a second. All else gets through at once. */
  slowDown(from: number, to: number, rate: number): Promise<void>
  close(): Promise<void>
}

/** Hosts with one address each, of one /16, on one switch. */
export async function openNetnsLan(addresses: readonly string[]): Promise<Lan> {
  const opened: Netns[] = []
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((netns) => netns.close()))
  }
  try {
    const hub = await openNetns([])
    opened.push(hub)
    await hub.run("ip link add lan type bridge && ip link set lan up")
    const hosts: Netns[] = []
    for (const [i, address] of addresses.entries()) {
      const host = await openNetns([])
      opened.push(host)
      await host.run(
        `ip link add cable type veth peer name port${i} netns ${hub.pid} &&
         ip addr add ${address}/16 dev cable && ip link set cable up`,
      )
      await hub.run(`ip link set port${i} master lan && ip link set port${i} up`)
      hosts.push({ ...host, addresses: [address] })
    }
    const slowDown = async (from: number, to: number, rate: number): Promise<void> => {
      await hosts[from]!.run(WITHOUT_OFFLOADING)
      await hosts[to]!.run(
        `iptables -A INPUT -s ${addresses[from]} -m hashlimit --hashlimit-name slow
           --hashlimit-above ${rate}b/s --hashlimit-burst ${2 * rate}b -j DROP`.replaceAll("\n", " "),
      )
    }
    return { hosts, slowDown, close }
  } catch (error) {
    await close()
    throw error
  }
}
