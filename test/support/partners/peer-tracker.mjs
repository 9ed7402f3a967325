// A tracker that names the peers on its command line, and nobody else: node peer-tracker.mjs HOST PEER:PORT…
// Plain JavaScript, so that it runs inside a network namespace without a build.
import { createServer } from "node:http"

const [host, ...peers] = process.argv.slice(2)
const compact = Buffer.concat(
  peers.map((peer) => {
    const [address, port] = peer.split(":")
    return Buffer.from([...address.split(".").map(Number), port >> 8, port & 255])
  }),
)
const answer = Buffer.concat([Buffer.from(`d8:intervali60e5:peers${compact.length}:`), compact, Buffer.from("e")])
const server = createServer((_, response) => response.end(answer))
server.listen(0, host, () => process.stdout.write(`http://${host}:${server.address().port}/announce\n`))
