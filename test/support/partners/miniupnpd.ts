import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Netns } from "../netns.js"
import { Program } from "../program.js"
import { needsProgram } from "./partner.js"

/** Any public one: nothing leaves the namespace, and it refuses to work behind an address that is reserved. */
const OUTSIDE = "8.8.9.9"

export interface MiniupnpdOptions {
  /** The router's network, whose side towards us is the interface `cable`. */
  netns: Netns
  natPmp: boolean
  upnp: boolean
}

export interface Miniupnpd {
  /** To whom it lets peers in now: `tcp 10.77.0.2:6881`. */
  mappings(): Promise<string[]>
  stop(): Promise<void>
}

/** MiniUPnP's daemon as the router: UPnP IGD and NAT-PMP, with the kernel's own tables behind them. */
export const miniupnpd = {
  name: "miniupnpd",
  missing: (): string | undefined => needsProgram("miniupnpd", "miniupnpd-iptables"),
  async start({ netns, natPmp, upnp }: MiniupnpdOptions): Promise<Miniupnpd> {
    await netns.run(
      `ip link add outside type veth peer name nowhere && ip addr add ${OUTSIDE}/24 dev outside &&
       ip link set outside up && ip link set nowhere up &&
       iptables-legacy -t nat -N MINIUPNPD && iptables-legacy -t nat -A PREROUTING -i outside -j MINIUPNPD &&
       iptables-legacy -t nat -N MINIUPNPD-POSTROUTING && iptables-legacy -N MINIUPNPD && iptables-legacy -A FORWARD -j MINIUPNPD`,
    )
    const folder = await mkdtemp(join(tmpdir(), "miniupnpd-"))
    const config = join(folder, "miniupnpd.conf")
    const yes = (on: boolean): string => (on ? "yes" : "no")
    const lines = [
      "ext_ifname=outside",
      "listening_ip=cable",
      "port=5000",
      `enable_natpmp=${yes(natPmp)}`,
      `enable_upnp=${yes(upnp)}`,
      "secure_mode=yes",
      "uuid=00000000-0000-0000-0000-000000000014",
      "allow 1024-65535 0.0.0.0/0 1024-65535",
      "deny 0-65535 0.0.0.0/0 0-65535",
    ]
    await writeFile(config, `${lines.join("\n")}\n`)
    const program = new Program("miniupnpd", ["-d", "-f", config, "-P", join(folder, "pid")], {
      cwd: folder,
      through: netns.enter,
    })
    const stop = async (): Promise<void> => {
      await program.stop()
      await rm(folder, { recursive: true, force: true })
    }
    try {
      await program.until(/HTTP listening|Listening for NAT-PMP/, 20)
    } catch (error) {
      await stop()
      throw error
    }
    return {
      mappings: async () => {
        const rules = await netns.run("iptables-legacy -S MINIUPNPD")
        return [...rules.matchAll(/-d (\S+)\/32 -p (\w+) .*--dport (\d+) -j ACCEPT/g)]
          .map(([, to, protocol, port]) => `${protocol} ${to}:${port}`)
          .sort()
      },
      stop,
    }
  },
}
