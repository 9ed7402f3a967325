// Nodes of ours that are the DHT in a test: node dht-backbone.mjs HOST:PORT… INFOHASH…, a node for each place. Prints "entry
// HOST:PORT" when they know each other, then each second how many peers they hold, and "found INFOHASH" when a lookup of the last
// node's finds peers of one of these torrents. Runs until it is killed.
import { createSocket } from "node:dgram"
import { Dht } from "../../../dist/dht/dht.js"
import { createPlatform } from "../../../dist/node/platform.js"

const [wanted, given] = [[], []]
for (const argument of process.argv.slice(2)) (argument.includes(":") ? given : wanted).push(argument)
const places = given.map((place) => {
  const at = place.lastIndexOf(":")
  return { host: place.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(place.slice(at + 1)) }
})
const { clock, random, hasher, net, log } = createPlatform()
const store = { load: async () => undefined, save: async () => {} }

async function start(place, bootstrap) {
  const family = place.host.includes(":") ? 6 : 4
  const socket = createSocket(`udp${family}`)
  await new Promise((resolve) => socket.bind(place.port, place.host, resolve))
  const { port } = socket.address()
  const udp = {
    port,
    speaks: (other) => other === family,
    send: (datagram, to) => socket.send(datagram, to.port, to.host, () => {}),
  }
  const dht = await Dht.start({
    ...{ clock, random, hasher, net, log, udp, store, bootstrap },
    readOnly: () => false,
    announcePort: () => undefined,
  })
  socket.on("message", (datagram, from) =>
    dht.receive(new Uint8Array(datagram), { host: from.address, port: from.port }),
  )
  return { dht, place: { host: place.host, port } }
}

const nodes = [await start(places[0], [])]
const entry = nodes[0].place
for (const place of places.slice(1)) nodes.push(await start(place, [entry]))

const enough = Math.min(8, places.length - 1)
const timer = setInterval(() => {
  if (nodes.some(({ dht }) => dht.size < enough)) return
  clearInterval(timer)
  console.log(`entry ${places[0].host.includes(":") ? `[${entry.host}]` : entry.host}:${entry.port}`)
}, 50)

const found = new Set()
const { dht } = nodes.at(-1)
function lookUp(infoHash) {
  const onPeers = () => {
    if (!found.has(infoHash)) console.log(`found ${infoHash}`)
    found.add(infoHash)
  }
  const search = dht.search({ infoHash: Buffer.from(infoHash, "hex"), onPeers })
  // Another would be long in coming.
  setTimeout(() => {
    search.close()
    if (!found.has(infoHash)) lookUp(infoHash)
  }, 3000)
}
for (const infoHash of wanted) lookUp(infoHash)

setInterval(() => {
  const peers = nodes.reduce((sum, { dht }) => sum + dht.nodes[0].storedPeers, 0)
  console.log(`stored ${peers}`)
}, 1000)
