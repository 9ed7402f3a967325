import { fileURLToPath } from "node:url"
import { openNetwork, shell } from "../network.mjs"

const SCRIPT = fileURLToPath(new URL("./link.py", import.meta.url))

/**
 * A further network at the end of a long link.
 *
 * @param {{rate: number, delay: number, loss?: number}} link bits a second; seconds one way; 0 to 1
 * @param {number} [n] tells links apart, from 0 on
 * @returns {Promise<{near: string, far: string, through: string[], setRate: (rate: number) => void}>} an address on
 *   either side; `through`: a command that runs others on the far side; `setRate`: another rate from now on, or 0
 */
export async function openLink(stage, { rate, delay, loss = 0 }, n = 0) {
  const other = await openNetwork(stage)
  const [near, far] = [`10.78.${n}.1`, `10.78.${n}.2`]
  const [nearDevice, farDevice] = [`bench-near${n}`, `bench-far${n}`]
  const command = ["/usr/bin/python3", SCRIPT, nearDevice, farDevice, String(rate), String(delay), String(loss)]
  const program = await stage.start(command, { ready: /ready/ })
  shell(`ip link set ${farDevice} netns ${other.pid}`)
  const up = (device, own, peer) =>
    `ip addr add ${own} peer ${peer} dev ${device}; ip link set ${device} up txqueuelen 10000`
  shell(up(nearDevice, near, far))
  // Clients have one address, whichever link they speak through.
  shell(`${up(farDevice, far, near)}; ip route add default dev ${farDevice}`, other.enter)
  return { near, far, through: other.enter, setRate: (bits) => program.child.stdin.write(`${bits}\n`) }
}
