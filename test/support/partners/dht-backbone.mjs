// Nodes of ours that are the DHT in a test: node dht-backbone.mjs HOST COUNT. Prints "entry HOST:PORT" when they know each
// other, and runs until it is killed.
import { createSocket } from "node:dgram"
import { Dht } from "../../../dist/dht/dht.js"
import { createPlatform } from "../../../dist/node/platform.js"

const [, , host, count] = process.argv
const { clock, random, hasher, net, log } = createPlatform()
const store = { load: async () => undefined, save: async () => {} }

async function start(bootstrap) {
  const socket = createSocket("udp4")
  await new Promise((resolve) => socket.bind(0, host, resolve))
  const { port } = socket.address()
  const udp = {
    port,
    speaks: (family) => family === 4,
    send: (datagram, to) => socket.send(datagram, to.port, to.host, () => {}),
  }
  const dht = await Dht.start({
    ...{ clock, random, hasher, net, log, udp, store, bootstrap },
    readOnly: () => false,
    announcePort: undefined,
  })
  socket.on("message", (datagram, from) =>
    dht.receive(new Uint8Array(datagram), { host: from.address, port: from.port }),
  )
  return { dht, port }
}

const nodes = [await start([])]
const bootstrap = [{ host, port: nodes[0].port }]
while (nodes.length < Number(count)) nodes.push(await start(bootstrap))

const enough = Math.min(8, Number(count) - 1)
const timer = setInterval(() => {
  if (nodes.some(({ dht }) => dht.size < enough)) return
  clearInterval(timer)
  console.log(`entry ${host}:${nodes[0].port}`)
}, 50)
setInterval(() => {
  const peers = nodes.reduce((sum, { dht }) => sum + dht.nodes[0].storedPeers, 0)
  console.log(`stored ${peers}`)
}, 1000)
