import { createSocket } from "node:dgram"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { academictorrents, describeWith, nginx, type Running } from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"))
const ipv6 = { missing: (): string | undefined => (hasIpv6 ? undefined : "IPv6 on the loopback interface") }

describeWith("IPv6", [ipv6, nginx], () => {
  let folder: string
  let sample: Sample
  let seeder: Running

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-ipv6-"))
    sample = await sampleOf(folder, "set", { "a.bin": 1_000_000, "b.bin": 50_000 }, 64 * 1024)
    seeder = await academictorrents.seed(sample)
  })

  afterAll(async () => {
    await seeder.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function get(job: Partial<Parameters<typeof academictorrents.download>[0]>): Promise<void> {
    const outDir = await mkdtemp(join(folder, "out-"))
    const got = await academictorrents.download({ torrentPath: sample.torrentPath, outDir, maxSeconds: 60, ...job })
    expect(await differences(sample.path, got)).toEqual([])
  }

  it.each(["[::1]", "127.0.0.1"])("a peer is had at %s: we listen on both families", (host) =>
    get({ peers: [{ host, port: seeder.port }] }),
  )

  it("a web seed is had at [::1]", async () => {
    const web = await nginx.start({ root: sample.dataDir, host: "[::1]" })
    try {
      await get({ urls: [web.url] })
    } finally {
      await web.stop()
    }
  })

  it("a UDP tracker at [::1] names peers by their IPv6 addresses (BEP 15)", async () => {
    const tracker = createSocket("udp6")
    const asked: number[] = []
    tracker.on("message", (request, from) => {
      // Action and transaction; then a connection id, or interval, leechers, seeds and peers of 18 bytes.
      const action = request.readUInt32BE(8)
      asked.push(action)
      const numbers = action === 0 ? Buffer.alloc(8, 7) : Buffer.from("000000780000000000000001", "hex")
      const peer = Buffer.alloc(18)
      peer[15] = 1
      peer.writeUInt16BE(seeder.port, 16)
      const head = request.subarray(8, 16)
      tracker.send(Buffer.concat(action === 0 ? [head, numbers] : [head, numbers, peer]), from.port, from.address)
    })
    tracker.bind(0, "::1")
    await once(tracker, "listening")
    try {
      await get({ tracker: `udp://[::1]:${tracker.address().port}/announce` })
      expect(asked.slice(0, 2)).toEqual([0, 1])
    } finally {
      tracker.close()
    }
  })

  it("a tracker at [::1] names peers by their IPv6 addresses (BEP 7)", async () => {
    const loopback = Buffer.alloc(16)
    loopback[15] = 1
    const peer = Buffer.concat([loopback, Buffer.of(seeder.port >> 8, seeder.port & 255)])
    const answer = Buffer.concat([Buffer.from("d8:intervali60e6:peers618:"), peer, Buffer.from("e")])
    const tracker = createServer((_request, response) => response.end(answer)).listen(0, "::1")
    await once(tracker, "listening")
    try {
      await get({ tracker: `http://[::1]:${(tracker.address() as AddressInfo).port}/announce` })
    } finally {
      tracker.closeAllConnections()
      tracker.close()
    }
  })
})
