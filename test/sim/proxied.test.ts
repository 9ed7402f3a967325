import { expect, it } from "vitest"
// What the session loads when it is needed: the virtual clock does not wait for files.
import "../../src/dht/dht.js"
import "../../src/lsd/lsd.js"
import "../../src/utp/socket.js"
import type { Platform } from "../../src/ports/platform.js"
import { simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform } from "./lib/simulation.js"

const MINUTE = 60_000
const TRACKER = "udp://10.0.3.1:6969"

/** Starts a node with everything that could go around a proxy, and says what it tried to open in ten minutes. */
async function opened(reach: Platform["reach"], trackers = [[TRACKER]]): Promise<string[]> {
  return (await tried(reach, trackers)).opened
}

/** The same, with the URLs that it asked for. */
async function tried(reach: Platform["reach"], trackers: readonly (readonly string[])[]) {
  const simulation = createSimulation({ seed: 5 })
  const plain = simulation.platform("10.0.0.1")
  const opened: string[] = []
  const urls: string[] = []
  const platform: SimPlatform = {
    ...plain,
    reach,
    udp: {
      open: (options, onMessage) => {
        opened.push("datagrams")
        return plain.udp.open(options, onMessage)
      },
    },
    multicast: {
      join: (group, onMessage) => {
        opened.push("multicast")
        return plain.multicast.join(group, onMessage)
      },
    },
    http: {
      close: () => plain.http.close(),
      get: (request, listener) => {
        urls.push(request.url)
        return plain.http.get(request, listener)
      },
    },
    net: {
      connect: (remote, listener) => plain.net.connect(remote, listener),
      resolve: (hostname) => plain.net.resolve(hostname),
      listen: (options, onAccept) => {
        opened.push("a listening port")
        return plain.net.listen(options, onAccept)
      },
    },
  }
  const store = { load: () => Promise.resolve(undefined), save: () => Promise.resolve() }
  const dht = { bootstrap: [{ host: "10.0.3.1", port: 6881 }], store }
  const made = simDataset({ "a.bin": 1000 }, { pieceLength: 16_384 })
  const dataset = { ...made, metainfo: { ...made.metainfo, trackers } }
  const limits = { lsd: true, dht }
  const node = await simulation.runUntil(startNode({ platform, dataset, seed: true, limits }), MINUTE)
  node.torrent.whenComplete().catch(() => {})
  await simulation.run(10 * MINUTE)
  await simulation.runUntil(node.close(), MINUTE)
  return { opened: [...new Set(opened)].sort(), urls }
}

it("nothing goes around a proxy: no datagrams for peers or the DHT, no multicast, no listening", async () => {
  expect(await opened("outgoing", [])).toEqual([])
  expect(await opened("web")).toEqual([])
})

it("behind a proxy for peers its own datagrams are for UDP trackers alone", async () => {
  expect(await opened("outgoing")).toEqual(["datagrams"])
})

it("without a proxy all of it is used", async () => {
  expect(await opened("open")).toEqual(["a listening port", "datagrams", "multicast"])
})

it("behind a proxy trackers are told of a port, since some refuse 0", async () => {
  const { urls } = await tried("outgoing", [["http://10.0.3.1/announce"]])
  expect(new URL(urls[0]!).searchParams.get("port")).toBe("1")
})
