import { fileURLToPath } from "node:url"
import { openNetwork, shell } from "../network.mjs"

const SCRIPT = fileURLToPath(new URL("./link.py", import.meta.url))

/**
 * A second network at the end of a long link.
 *
 * @param {{rate: number, delay: number}} link bits a second; seconds one way
 * @returns {Promise<{near: string, far: string, through: string[]}>} an address on either side; `through`: a command
 *   that runs others on the far side
 */
export async function openLink(stage, { rate, delay }) {
  const other = await openNetwork(stage)
  const [near, far] = ["10.78.0.1", "10.78.0.2"]
  const [nearDevice, farDevice] = ["bench-near", "bench-far"]
  const command = ["/usr/bin/python3", SCRIPT, nearDevice, farDevice, String(rate), String(delay)]
  await stage.start(command, { ready: /ready/ })
  shell(`ip link set ${farDevice} netns ${other.pid}`)
  const up = (device, own, peer) =>
    `ip addr add ${own} peer ${peer} dev ${device}; ip link set ${device} up txqueuelen 10000`
  shell(up(nearDevice, near, far))
  shell(up(farDevice, far, near), other.enter)
  return { near, far, through: other.enter }
}
