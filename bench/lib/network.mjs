import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { accessSync } from "node:fs"
import { createServer } from "node:net"
import { findProgram } from "./clients/installed.mjs"

/** Set for the benchmark that runs inside a network of its own. */
const INSIDE = "AT_BENCH_PRIVATE_NETWORK"
/** Addresses for the parties of one machine. */
const ADDRESSES = 32

/** True when this process is in a network of its own: with addresses that no client takes for loopback. */
export function hasPrivateNetwork() {
  return process.env[INSIDE] !== undefined
}

/** The address of the `n`-th party, from 1 on. */
export function address(n) {
  return hasPrivateNetwork() ? `10.77.0.${n}` : `127.0.0.${n}`
}

/** What is missing for networks of our own, or undefined. */
export function privateNetworkMissing() {
  if (process.getuid() !== 0) return "root (network namespaces)"
  return findProgram("ip") === undefined ? "apt-get install iproute2" : undefined
}

/** What is missing for a link with a delay, or undefined. */
export function linkMissing() {
  try {
    accessSync("/dev/net/tun")
  } catch {
    return "/dev/net/tun"
  }
  return privateNetworkMissing()
}

/** What is missing to refuse connections, or undefined. */
export function firewallMissing() {
  return findProgram("iptables") === undefined ? "apt-get install iptables" : privateNetworkMissing()
}

/** Refuses TCP connections to a port, where `through` leads. */
export function refuseTcp(port, through) {
  shell(`iptables -A INPUT -p tcp --syn --dport ${port} -j REJECT --reject-with tcp-reset`, through)
}

/** Runs this program again inside a network of its own, and ends with its exit code. */
export async function enterPrivateNetwork() {
  const addresses = Array.from({ length: ADDRESSES }, (_, i) => `ip addr add 10.77.0.${i + 1}/32 dev lo`)
  const script = ["ip link set lo up", ...addresses, 'exec "$@"'].join(" && ")
  const again = [process.execPath, ...process.argv.slice(1)]
  const line = ["setpriv", "--pdeathsig", "TERM", "unshare", "--net", "--", "sh", "-c", script, "sh", ...again]
  const child = spawn(line[0], line.slice(1), { stdio: "inherit", env: { ...process.env, [INSIDE]: "1" } })
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal))
  const [code] = await once(child, "exit")
  process.exit(code ?? 1)
}

/** A port that nobody listens on, at any address. */
export async function freePort() {
  const server = createServer().listen(0)
  await once(server, "listening")
  const { port } = server.address()
  server.close()
  await once(server, "close")
  return port
}

/**
 * Another network that lives as long as its holder.
 *
 * @returns {Promise<{pid: number, enter: string[]}>} `enter`: what a command is run through to be inside
 */
export async function openNetwork(stage) {
  const command = ["unshare", "--net", "--", "sh", "-c", "ip link set lo up && echo inside $$ && exec sleep infinity"]
  const holder = await stage.start(command, { ready: /inside (\d+)/ })
  const pid = Number(holder.match[1])
  return { pid, enter: ["nsenter", `--net=/proc/${pid}/ns/net`, "--"] }
}

/** Runs shell commands and wants success. */
export function shell(script, through = []) {
  const line = [...through, "sh", "-e", "-c", script]
  const { status, stderr } = spawnSync(line[0], line.slice(1), { encoding: "utf8" })
  if (status !== 0) throw new Error(`${script}: ${stderr}`)
}
