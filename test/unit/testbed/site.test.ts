import { afterEach, describe, expect, it } from "vitest"
import { spans } from "../../../testbed/bencode.js"
import { type Site, type SiteFault, startSite } from "../../../testbed/site.js"
import { readTorrent } from "../../../testbed/torrent.js"
import { smallTorrent } from "./small-torrent.js"

let site: Site
afterEach(() => site.close())

async function bytesOf(path: string): Promise<Buffer> {
  return Buffer.from(await (await fetch(site.url + path)).arrayBuffer())
}

describe("the site", () => {
  it("gives the same info each time in an outer dictionary that changes", async () => {
    site = await startSite({ tracker: "http://127.0.0.1:1/announce.php" })
    const torrent = smallTorrent()
    site.publish(torrent.bytes, { webSeeds: ["http://127.0.0.1:1/"] })
    const first = await bytesOf(`/download/${torrent.infoHash}.torrent`)
    const second = await bytesOf(`/download/${torrent.infoHash}`)
    expect(first.equals(second)).toBe(false)
    expect(readTorrent(first).infoHash).toBe(torrent.infoHash)
    expect(readTorrent(second).infoHash).toBe(torrent.infoHash)
    expect(spans(first).get("announce")!.toString()).toBe("31:http://127.0.0.1:1/announce.php")
    expect(spans(first).get("announce-list")!.toString()).toContain("l0:e")
    expect(spans(first).get("url-list")!.toString()).toBe("19:http://127.0.0.1:1/")
  })

  it("answers 404 with a page for what it does not have", async () => {
    site = await startSite()
    const answer = await fetch(`${site.url}/download/${"0".repeat(40)}.torrent`)
    expect(answer.status).toBe(404)
    expect(await answer.text()).toContain("No torrent exists with that ID")
  })

  it("answers an entry in JSON that JSON.parse refuses", async () => {
    site = await startSite()
    const { infoHash } = site.publish(smallTorrent().bytes, { description: "two\nlines" }).torrent
    const text = await (await fetch(`${site.url}/apiv2/entry/${infoHash}`)).text()
    expect(() => JSON.parse(text)).toThrow()
    expect(JSON.parse(text.replaceAll("\n", "\\n"))).toMatchObject({ infohash: infoHash, size: 40_000 })
  })

  it("answers a feed it has given before with 304, until something is published", async () => {
    site = await startSite()
    site.publish(smallTorrent().bytes)
    const first = await fetch(`${site.url}/database.xml`)
    const headers = { "if-none-match": first.headers.get("etag")! }
    expect((await fetch(`${site.url}/database.xml`, { headers })).status).toBe(304)
    site.publish(smallTorrent("another").bytes)
    const second = await fetch(`${site.url}/database.xml`, { headers })
    expect(second.status).toBe(200)
    expect(await second.text()).toContain("<title>another</title>")
  })

  it("lists a collection with the service's columns", async () => {
    site = await startSite()
    const { infoHash } = smallTorrent('a "name", quoted')
    site.publish(smallTorrent('a "name", quoted').bytes, { collections: ["deep-learning"], mirrors: 3, added: 7 })
    const lines = (await bytesOf("/collection/deep-learning.csv")).toString().split("\n")
    expect(lines[0]).toBe("TYPE,NAME,INFOHASH,SIZEBYTES,MIRRORS,DOWNLOADERS,TIMESCOMPLETED,DATEADDED,DATEMODIFIED")
    expect(lines[1]).toBe(`Dataset,"a ""name"", quoted",${infoHash},40000,3,0,0,7,7`)
    expect((await bytesOf("/collections.php?format=.csv")).toString()).toContain(
      '"deep-learning","deep-learning",1,40000',
    )
  })

  it("misbehaves as it is told", async () => {
    const faults: SiteFault[] = [{ kind: "status", status: 429, retryAfter: "7" }, { kind: "html" }, { kind: "cut" }]
    site = await startSite({ fault: ({ before }) => faults[before] })
    const { infoHash } = site.publish(smallTorrent().bytes).torrent
    const url = `${site.url}/download/${infoHash}.torrent`
    const busy = await fetch(url)
    expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "7"])
    expect((await fetch(url)).headers.get("content-type")).toBe("text/html")
    await expect(fetch(url).then((answer) => answer.arrayBuffer())).rejects.toThrow()
    expect((await fetch(url)).status).toBe(200)
  })
})
