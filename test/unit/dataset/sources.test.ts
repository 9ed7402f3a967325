import { describe, expect, it } from "vitest"
import { Site } from "../../../src/catalog/site.js"
import { findSources } from "../../../src/dataset/sources.js"
import { TorrentCache } from "../../../src/dataset/torrent-cache.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { createSimulation } from "../../sim/lib/simulation.js"
import { digester, folderInfo, torrentOf } from "../../support/torrents.js"

const HINTS = {
  trackers: ["http://hinted.example/announce"],
  webSeeds: ["http://hinted.example/data/"],
  peers: [{ host: "10.0.0.2", port: 6881 }],
}

async function sourcesOf(
  info: Parameters<typeof folderInfo>[0],
  peers: { host: string; port: number }[] = HINTS.peers,
  own: string[] = ["10.0.0.9:7000"],
  { urls, webSeeds = HINTS.webSeeds }: { urls?: string[]; webSeeds?: string[] } = {},
) {
  const simulation = createSimulation({ seed: 1 })
  const platform = simulation.platform("10.0.0.1")
  const addresses = new Map<string, string[]>([
    ["inside.example", ["169.254.169.254", "10.0.0.3", "0.0.0.0", "fd00:ec2::254", "not an address"]],
  ])
  platform.net.resolve = async (host) => {
    if (host.endsWith(".invalid")) throw Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" })
    return addresses.get(host) ?? [host]
  }
  const torrentBytes = torrentOf(folderInfo(info), { announce: "http://own.example/announce" })
  const resolved = {
    metainfo: parseTorrent(torrentBytes, digester),
    torrentBytes,
    hints: { ...HINTS, peers, webSeeds },
    selectOnly: null,
    kept: false,
    stale: false,
  }
  const cache = new TorrentCache({ platform, directory: "/cache", datastore: "/store" })
  const context = { platform, site: new Site(undefined), cache, offline: false }
  return findSources(resolved, { peers: own, urls }, context)
}

describe("sources of a dataset", () => {
  it("are the torrent's, a link's and the user's", async () => {
    expect(await sourcesOf({})).toMatchObject({
      trackers: [["http://own.example/announce"], ["http://hinted.example/announce"]],
      webSeeds: ["http://hinted.example/data/"],
      peers: [
        { host: "10.0.0.9", port: 7000 },
        { host: "10.0.0.2", port: 6881 },
      ],
    })
  })

  it("are the torrent's own trackers and the user's peers alone when it is private (BEP 27)", async () => {
    expect(await sourcesOf({ private: 1 })).toMatchObject({
      trackers: [["http://own.example/announce"]],
      peers: [{ host: "10.0.0.9", port: 7000 }],
    })
  })

  it.each([
    ["an address", "169.254.169.254", []],
    ["an IPv4 address inside an IPv6 one", "::ffff:169.254.169.254", []],
    ["a name", "inside.example", [{ host: "10.0.0.3", port: 80 }]],
  ])("never are where no peer can be: %s of a metadata service", async (_, host, others) => {
    const { peers } = await sourcesOf({}, [{ host, port: 80 }])
    expect(peers).toEqual([{ host: "10.0.0.9", port: 7000 }, ...others])
  })

  it("say of the user's peers alone which are not used, and why", async () => {
    const { peers, unusable } = await sourcesOf(
      {},
      [{ host: "hinted.invalid", port: 80 }],
      ["named.invalid:80", "169.254.1.1:80", "inside.example:80"],
    )
    expect(peers).toEqual([{ host: "10.0.0.3", port: 80 }])
    expect(unusable).toEqual(["named.invalid is not known", "169.254.1.1 is not called: no peer can be there"])
  })

  it("never send a query into the user's network, unless the user names the web seed", async () => {
    const places = ["192.168.1.1", "0.0.0.0", "[::ffff:7f00:1]", "2130706433", "router", "nas.local"]
    const orders = places.map((host) => `http://${host}/apply.cgi?action=reboot&token=secret`)
    const harmless = ["http://192.168.1.1/data/", "http://data.example/get?id=7", "http://router/data?"]
    const webSeeds = [...orders, ...harmless]
    const found = await sourcesOf({}, [], [], { webSeeds })
    expect(found.webSeeds).toEqual(harmless)
    expect(found.unusable).toEqual(
      places.map(
        (host) =>
          `http://${host}/apply.cgi?action=reboot&token=*** is not used: a torrent may not send a query to a local address`,
      ),
    )
    const named = await sourcesOf({}, [], [], { webSeeds, urls: orders })
    expect(named).toMatchObject({ webSeeds, unusable: [] })
  })
})
