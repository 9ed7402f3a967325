import os from "node:os"
import { expect, it, vi } from "vitest"
import { createMulticast } from "../../../src/node/multicast.js"
import { deferred } from "../../support/deferred.js"
import { freeUdpPort } from "../../support/ports.js"

/** On the loopback interface, as one that has this address and is in this network. */
const on = (address: string, network: string) => {
  const one = { address, name: address, networks: [network] }
  return createMulticast((family) => (family === 4 ? [one] : []))
}

it("who is in none of our networks is not heard, though the system lets it in", async () => {
  // A group that nobody uses, at a port that no other run of this test has.
  const group = { host: "239.255.14.78", port: await freeUdpPort() }
  const heard: string[] = []
  const last = deferred<void>()
  const ours = await on("127.0.0.1", "127.0.0.0/30").join(group, (datagram) => {
    heard.push(Buffer.from(datagram).toString())
    last.resolve()
  })
  const elsewhere = deferred<void>()
  const stranger = await on("127.0.0.9", "127.0.0.8/30").join(group, () => elsewhere.resolve())
  stranger.send(Buffer.from("from elsewhere"))
  await elsewhere.promise
  const neighbour = await on("127.0.0.2", "127.0.0.0/30").join(group, () => {})
  neighbour.send(Buffer.from("from near"))
  await last.promise
  expect(heard).toEqual(["from near"])
  await Promise.all([ours, stranger, neighbour].map((joined) => joined.close()))
})

it("goes on while the system can't name its interfaces: too many files are open", async () => {
  const group = { host: "239.255.14.79", port: await freeUdpPort() }
  const heard = deferred<string>()
  const joined = await createMulticast().join(group, (datagram) => heard.resolve(Buffer.from(datagram).toString()))
  const interfaces = vi.spyOn(os, "networkInterfaces").mockImplementation(() => {
    throw new Error("uv_interface_addresses returned Unknown system error 24")
  })
  joined.send(Buffer.from("still here"))
  expect(await heard.promise).toBe("still here")
  expect(interfaces).toHaveBeenCalled()
  interfaces.mockRestore()
  await joined.close()
})
