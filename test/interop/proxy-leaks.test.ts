import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { lossMissing, type Netns, openNetnsPair } from "../support/netns.js"
import { academictorrents, describeWith, nginx, opentracker } from "../support/partners/index.js"
import { type RunningProxy, startProxy } from "../support/partners/proxy.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const HERE = "10.99.0.1"
const THERE = "10.99.0.2"
const NAMES = { "data.example": THERE, "tracker.example": THERE, "peer.example": THERE }

// Our command on one host, all others on the other; between them nothing passes but what goes to the proxy.
describeWith("with a proxy set nothing goes around it", [{ missing: lossMissing }, nginx, opentracker], () => {
  let folder: string
  let sample: Sample
  let here: Netns
  let seeder: { port: number }
  let webPort: number
  let trackers: { http: string; udp: string }
  const cleanUps: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-proxy-"))
    cleanUps.push(() => rm(folder, { recursive: true, force: true }))
    sample = await sampleOf(folder, "set", { "a.bin": 3_000_000, "b.bin": 500_000 }, 64 * 1024)
    const [left, there] = await openNetnsPair([HERE, THERE])
    here = left
    cleanUps.push(
      () => here.close(),
      () => there.close(),
    )
    const tracker = await opentracker.start({ infoHashes: [sample.infoHash], host: THERE, netns: there })
    cleanUps.push(() => tracker.stop())
    trackers = {
      http: tracker.httpUrl.replace(THERE, "tracker.example"),
      udp: tracker.udpUrl.replace(THERE, "tracker.example"),
    }
    const running = await academictorrents.seed({ ...sample, netns: there, tracker: tracker.httpUrl })
    cleanUps.push(() => running.stop())
    seeder = running
    await tracker.seeded(sample.infoHash)
    const web = await nginx.start({ root: sample.dataDir, host: THERE, netns: there })
    cleanUps.push(() => web.stop())
    webPort = Number(new URL(web.url).port)
    const start = async (kind: "socks5" | "http", datagrams = false): Promise<RunningProxy> => {
      const proxy = await startProxy({ kind, datagrams, host: THERE, names: NAMES, netns: there })
      cleanUps.push(() => proxy.stop())
      return proxy
    }
    socks = await start("socks5", true)
    streamsAlone = await start("socks5")
    http = await start("http")
    // All that is not for a proxy is counted, on every interface, and goes nowhere; but for what the kernel says later of groups
    // that a process without a proxy was in.
    await here.run(
      `ip route add default via ${THERE} &&
       iptables -A OUTPUT -p tcp -d ${THERE} --dport ${socks.port} -j ACCEPT &&
       iptables -A OUTPUT -p udp -d ${THERE} --dport ${socks.port} -j ACCEPT &&
       iptables -A OUTPUT -p tcp -d ${THERE} --dport ${streamsAlone.port} -j ACCEPT &&
       iptables -A OUTPUT -p tcp -d ${THERE} --dport ${http.port} -j ACCEPT &&
       iptables -A OUTPUT -p igmp -j ACCEPT &&
       iptables -A OUTPUT -j DROP &&
       ip6tables -A OUTPUT -p icmpv6 -j ACCEPT &&
       ip6tables -A OUTPUT -j DROP`,
    )
  })
  let socks: RunningProxy
  let streamsAlone: RunningProxy
  let http: RunningProxy

  afterAll(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  })

  /** Packets that were not for a proxy, since the count was last read. */
  async function strays(): Promise<number> {
    const table = await here.run("iptables -nvxL OUTPUT -Z && ip6tables -nvxL OUTPUT -Z")
    return [...table.matchAll(/^ *(\d+) +\d+ +DROP /gm)].reduce((sum, [, packets]) => sum + Number(packets), 0)
  }

  /** `at-get` with those proxies: exit code and log. */
  async function get(env: Record<string, string>, job: { tracker?: string; options: string[] }) {
    const outDir = await mkdtemp(join(folder, "out-"))
    const { torrentPath } = sample
    const running = await academictorrents.get({ torrentPath, outDir, netns: here, lsd: true, env, ...job })
    const code = await running.program.exited
    const log = running.program.output
    await running.stop()
    if (code === 0) expect(await differences(sample.path, join(outDir, sample.name))).toEqual([])
    return { code, log }
  }

  const count = (lines: readonly string[], wanted: string): number => lines.filter((line) => line === wanted).length

  it("the counter counts: without a proxy there are strays", async () => {
    await strays()
    const { code } = await get({}, { options: [`--peer=${THERE}:${seeder.port}`, "--timeout=2s"] })
    expect(code).not.toBe(0)
    expect(await strays()).toBeGreaterThan(0)
  })

  it("through SOCKS5: tracker, peers it names, and a web seed; the proxy resolves all names", async () => {
    await strays()
    const { code, log } = await get(
      { ALL_PROXY: `socks5h://${THERE}:${socks.port}` },
      { tracker: trackers.http, options: [`--url=http://data.example:${webPort}/`, "--max-download=2M"] },
    )
    expect([code, await strays()]).toEqual([0, 0])
    const { port } = new URL(trackers.http)
    const asked = socks.asked()
    expect(asked).toContain(`connect tracker.example ${port}`)
    expect(asked).toContain(`connect data.example ${webPort}`)
    expect(asked).toContain(`connect ${THERE} ${seeder.port}`)
    // Said once.
    expect(log.split("a proxy is set").length - 1).toBe(1)
  })

  it("through SOCKS5: a udp tracker, whose name the proxy resolves, and peers it names", async () => {
    const before = socks.asked().length
    await strays()
    const { code } = await get(
      { ALL_PROXY: `socks5h://${THERE}:${socks.port}` },
      { tracker: trackers.udp, options: [] },
    )
    expect([code, await strays()]).toEqual([0, 0])
    const asked = socks.asked().slice(before)
    expect(asked).toContain(`datagram tracker.example ${new URL(trackers.udp).port}`)
    expect(asked).toContain(`connect ${THERE} ${seeder.port}`)
  })

  it("through SOCKS5 that carries no datagrams: a peer by its name, and a udp tracker not at all", async () => {
    await strays()
    const { code, log } = await get(
      { ALL_PROXY: `socks5://${THERE}:${streamsAlone.port}` },
      { tracker: trackers.udp, options: [`--peer=peer.example:${seeder.port}`] },
    )
    expect([code, await strays()]).toEqual([0, 0])
    expect(count(streamsAlone.asked(), `connect peer.example ${seeder.port}`)).toBeGreaterThan(0)
    expect(log).toContain("no datagrams: the proxy does not do that")
  })

  it("through an HTTP proxy for all: peers by CONNECT, tracker and web seed by request", async () => {
    await strays()
    const { code } = await get(
      { ALL_PROXY: `http://${THERE}:${http.port}` },
      { tracker: trackers.http, options: [`--url=http://data.example:${webPort}/`, "--max-download=2M"] },
    )
    expect([code, await strays()]).toEqual([0, 0])
    expect(http.asked()).toContain(`connect ${THERE} ${seeder.port}`)
    expect(http.asked()).toContain(`get http://data.example:${webPort}/set/a.bin`)
  })

  it("with a proxy for HTTP alone: web seeds, and no peer nor tracker", async () => {
    const before = http.asked().length
    await strays()
    const options = [`--url=http://data.example:${webPort}/`]
    const { code } = await get({ http_proxy: `${THERE}:${http.port}` }, { tracker: trackers.http, options })
    expect([code, await strays()]).toEqual([0, 0])
    const asked = http.asked().slice(before)
    expect(asked.filter((line) => !line.startsWith(`get http://data.example:${webPort}/set/`))).toEqual([])
    const without = await get({ http_proxy: `${THERE}:${http.port}` }, { tracker: trackers.http, options: [] })
    expect([without.code, await strays()]).toEqual([4, 0])
    expect(without.log).toContain("set ALL_PROXY=socks5://HOST:PORT, too")
  })
})
