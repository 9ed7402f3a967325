import { type Netns, netnsMissing, openNetns } from "./netns.js"
import { findProgram } from "./program.js"

/** A host behind a gateway, and how the internet sees it. */
export interface NattedHost {
  readonly netns: Netns
  readonly host: string
  readonly outside: string
}

/** An internet with one host of its own, and two others, each behind a gateway. */
export interface Internet {
  readonly middle: Netns
  readonly middleHost: string
  readonly hosts: readonly [NattedHost, NattedHost]
  close(): Promise<void>
}

/** What is missing to open one, or undefined. */
export function natMissing(): string | undefined {
  return netnsMissing() ?? (findProgram("iptables") === undefined ? "iptables (apt-get install iptables)" : undefined)
}

const MIDDLE = "5.0.0.1"

/**
 * Gateways are as in a home: what goes out gets their address and, where it is free, keeps its port; what comes in and answers
 * nothing is dropped without a word, and leaves no trace in the table of connections.
 */
const GATEWAY = `
  echo 1 > /proc/sys/net/ipv4/ip_forward &&
  iptables -t nat -A POSTROUTING -o wan -j MASQUERADE &&
  iptables -A INPUT -i wan -m conntrack --ctstate NEW -j DROP &&
  iptables -A FORWARD -i wan -m conntrack --ctstate NEW -j DROP`

export async function openInternet(): Promise<Internet> {
  const opened: Netns[] = []
  const open = async (): Promise<Netns> => {
    const netns = await openNetns([])
    opened.push(netns)
    return netns
  }
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((netns) => netns.close()))
  }
  const behindGateway = async (middle: Netns, number: number): Promise<NattedHost> => {
    const [gateway, netns] = [await open(), await open()]
    const [outside, host, lan] = [`5.0.0.1${number}`, `192.168.${number}.2`, `192.168.${number}.1`]
    await middle.run(
      `ip link add port${number} type veth peer name wan netns ${gateway.pid} &&
       ip link set port${number} master exchange && ip link set port${number} up`,
    )
    await gateway.run(
      `ip addr add ${outside}/24 dev wan && ip link set wan up &&
       ip link add lan type veth peer name cable netns ${netns.pid} &&
       ip addr add ${lan}/24 dev lan && ip link set lan up && ${GATEWAY}`,
    )
    await netns.run(`ip addr add ${host}/24 dev cable && ip link set cable up && ip route add default via ${lan}`)
    return { netns, host, outside }
  }
  try {
    const middle = await open()
    await middle.run(
      `ip link add name exchange type bridge && ip addr add ${MIDDLE}/24 dev exchange && ip link set exchange up`,
    )
    const hosts = [await behindGateway(middle, 1), await behindGateway(middle, 2)] as const
    return { middle, middleHost: MIDDLE, hosts, close }
  } catch (error) {
    await close()
    throw error
  }
}
