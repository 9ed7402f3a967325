import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { type Internet, natMissing, openInternet } from "../support/nat-netns.js"
import { academictorrents, describeWith, libtorrent, type Running } from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const MiB = 1024 * 1024
const maxSeconds = 150
const limits = { timeout: 240_000 }
/** Nobody gets a whole piece at this rate within the test: who is held to it has nothing to give. */
const SLOW = 64 * 1024

// Two hosts behind gateways that let nobody in, and one in the middle that has nothing: what arrives came through a hole.
describeWith("hole punching", [libtorrent, { missing: natMissing }], () => {
  let folder: string
  let sample: Sample
  let internet: Internet
  const running: Running[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-punch-"))
    sample = await sampleOf(folder, "set", { "a.bin": 16 * MiB }, 8 * MiB)
  })

  beforeEach(async () => {
    internet = await openInternet()
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()))
    await internet.close()
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  const outDir = () => mkdtemp(join(folder, "out-"))

  async function keep(starting: Promise<Running>): Promise<Running> {
    const one = await starting
    running.push(one)
    return one
  }

  /** The one in the middle. */
  async function middle(client: "ours" | "libtorrent"): Promise<Running> {
    const { torrentPath } = sample
    const place = { torrentPath, host: internet.middleHost, netns: internet.middle }
    const folderOfItsOwn = await outDir()
    if (client === "libtorrent") {
      // It finds whom it is asked for by where they come from: by TCP that is no place to connect to.
      await internet.middle.run("iptables -A INPUT -i exchange -p tcp --syn -j REJECT --reject-with tcp-reset")
      const job = { ...place, dataDir: folderOfItsOwn, partial: true, utp: true, downloadRate: SLOW }
      return keep(libtorrent.seed(job))
    }
    // Who knows nobody gives up.
    const options = ["--max-download", String(SLOW), "--peer", "5.0.0.99:6881"]
    const one = await keep(academictorrents.get({ ...place, outDir: folderOfItsOwn, options }))
    await one.program.until(/"type":"progress"/)
    return one
  }

  /** The one behind the second gateway, which has everything. */
  function giver(client: "ours" | "libtorrent", relay: Running, options: readonly string[] = []): Promise<Running> {
    const { torrentPath, dataDir } = sample
    const [, { host, netns }] = internet.hosts
    const place = { torrentPath, dataDir, host, netns }
    if (client === "libtorrent") return keep(libtorrent.seed({ ...place, utp: true, peers: [relay] }))
    return keep(academictorrents.seed({ ...place, options: ["--peer", `${relay.host}:${relay.port}`, ...options] }))
  }

  const getter = async () => {
    const [{ host, netns }] = internet.hosts
    return { torrentPath: sample.torrentPath, outDir: await outDir(), host, netns, maxSeconds }
  }

  for (const [relayClient, giverClient] of [
    ["ours", "ours"],
    ["ours", "libtorrent"],
    ["libtorrent", "libtorrent"],
    ["libtorrent", "ours"],
  ] as const) {
    it(`we get from behind another gateway: ${relayClient} in the middle, ${giverClient} there`, limits, async () => {
      const relay = await middle(relayClient)
      await giver(giverClient, relay)
      const got = await academictorrents.download({ ...(await getter()), peers: [relay] })
      expect(await differences(sample.path, got)).toEqual([])
    })
  }

  // Where its first try falls between two signs, libtorrent's next comes minutes later.
  it("libtorrent gets from us behind another gateway, with us in the middle", { ...limits, retry: 1 }, async () => {
    const relay = await middle("ours")
    await giver("ours", relay)
    const job = await getter()
    await libtorrent.download({ ...job, utp: true, peers: [relay] })
    expect(await differences(sample.path, join(job.outDir, sample.name))).toEqual([])
  })

  it("nothing arrives without it, though the address is known", limits, async () => {
    const relay = await middle("ours")
    const { port } = await giver("ours", relay, ["--no-pex"])
    const peers = [relay, { host: internet.hosts[1].outside, port }]
    const options = ["--no-pex", "--timeout", "20s"]
    const { program } = await keep(academictorrents.get({ ...(await getter()), peers, options }))
    expect(await program.exited).toBe(4)
    expect(program.output).toContain("AT_STALLED")
  })
})
