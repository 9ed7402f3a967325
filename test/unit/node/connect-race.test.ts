import { Socket } from "node:net"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { connectFirst } from "../../../src/node/connect-race.js"

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Connects to a host with those addresses; each attempt is a socket on which the test says what becomes of it. */
async function race(...addresses: string[]) {
  const attempts = new Map<string, Socket>()
  const won: string[] = []
  const errors: Error[] = []
  const opening = connectFirst(
    Promise.resolve(addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }))),
    (address) => {
      const socket = new Socket()
      attempts.set(address, socket)
      return socket
    },
    (socket, { address }) => {
      expect(socket).toBe(attempts.get(address))
      won.push(address)
    },
  )
  opening.on("error", (error) => errors.push(error))
  await settled()
  return { attempts, won, errors, opening, tried: () => [...attempts.keys()] }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Long enough for every address to have its turn. */
const waitForTurns = () => vi.advanceTimersByTime(10_000)

it("lets no address keep others from being tried, nor be given up for them, however long all take", async () => {
  const { attempts, won, tried, opening } = await race("2001:db8::1", "192.0.2.1")
  expect(tried()).toEqual(["2001:db8::1"])
  waitForTurns()
  expect(tried()).toEqual(["2001:db8::1", "192.0.2.1"])
  expect(attempts.get("2001:db8::1")!.destroyed).toBe(false)
  attempts.get("2001:db8::1")!.emit("connect")
  expect(won).toEqual(["2001:db8::1"])
  expect([...attempts.values()].map(({ destroyed }) => destroyed)).toEqual([false, true])
  await settled()
  expect([opening.destroyed, tried().length]).toEqual([false, 2])
})

it("goes on at once when an address refuses, and lets the families take turns", async () => {
  const { attempts, won, tried } = await race("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1")
  attempts.get("2001:db8::1")!.destroy(new Error("refused"))
  await settled()
  expect(tried()).toEqual(["2001:db8::1", "192.0.2.1"])
  waitForTurns()
  expect(tried()).toEqual(["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"])
  attempts.get("192.0.2.1")!.emit("connect")
  expect(won).toEqual(["192.0.2.1"])
})

it("fails with the first failure when all have failed, and not before", async () => {
  const { attempts, errors, opening } = await race("192.0.2.1", "192.0.2.2")
  waitForTurns()
  attempts.get("192.0.2.2")!.destroy(new Error("one"))
  await settled()
  expect(opening.destroyed).toBe(false)
  attempts.get("192.0.2.1")!.destroy(new Error("two"))
  await settled()
  expect(errors).toEqual([new Error("one")])
})

it("ends every attempt when it is given up", async () => {
  const { attempts, opening, won, tried } = await race("192.0.2.1", "192.0.2.2", "192.0.2.3")
  attempts.get("192.0.2.1")!.destroy(new Error("refused"))
  await settled()
  opening.destroy()
  await settled()
  expect(attempts.get("192.0.2.2")!.destroyed).toBe(true)
  waitForTurns()
  expect([tried().length, won]).toEqual([2, []])
})
