import { readFileSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { expect, it } from "vitest"
import { nodeUdp } from "../../../src/node/udp.js"
import { Waiter } from "../../compliance/stage.js"

const MAX = "/proc/sys/net/core/rmem_max"
/** What Linux takes a full datagram for, which lies in a buffer of a power of two, with all that belongs to it. */
const WEIGHT = 2304
/** Linux's default where nobody changed it, bytes; as a limit for those who ask for more it counts twice. */
const DEFAULT = 212_992

function limit(): number {
  return process.platform === "linux" ? Number(readFileSync(MAX, "latin1")) : 0
}

it.runIf(limit() >= DEFAULT)("keeps what comes while the program does something else", async () => {
  const waiter = new Waiter()
  const arrived: number[] = []
  const there = await nodeUdp.open({ family: 4, port: 0, receiveBuffer: 1024 * 1024 }, (datagram) => {
    arrived.push(datagram.length)
    waiter.notify()
  })
  const here = await nodeUdp.open({ family: 4, port: 0 }, () => {})
  const to = { host: "127.0.0.1", port: there.port }
  // All of them in one turn, in which nothing is read.
  const count = Math.floor((1.6 * DEFAULT) / WEIGHT)
  for (let i = 0; i < count; i++) here.send(new Uint8Array(1232), to)
  await setImmediate()
  here.send(new Uint8Array(0), to)
  await waiter.until(() => arrived.at(-1) === 0)
  expect(arrived).toHaveLength(count + 1)
  await Promise.all([here.close(), there.close()])
})

it("opens with whatever buffer the system gives", async () => {
  const socket = await nodeUdp.open({ family: 4, port: 0, receiveBuffer: 2 ** 30 }, () => {})
  expect(socket.port).toBeGreaterThan(0)
  await socket.close()
})
