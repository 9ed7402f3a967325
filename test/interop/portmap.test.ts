import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { lossMissing, openNetnsPair } from "../support/netns.js"
import { academictorrents, describeWith } from "../support/partners/index.js"
import { miniupnpd } from "../support/partners/miniupnpd.js"
import { type Sample, sampleOf } from "../support/samples.js"

const ROUTER = "10.77.0.1"
const OURS = "10.77.0.2"
const NEIGHBOUR = "10.77.0.3"
const PORT = 26_881

/** A program at {@link NEIGHBOUR} that has our port mapped by NAT-PMP, TCP and UDP. */
const TAKE_PORT = `
  const socket = require("node:dgram").createSocket("udp4")
  let answers = 0
  socket.on("message", () => { if (++answers === 2) socket.close() })
  socket.bind(0, "${NEIGHBOUR}", () => {
    for (const operation of [1, 2]) {
      const request = Buffer.alloc(12)
      request[1] = operation
      request.writeUInt16BE(${PORT}, 4)
      request.writeUInt16BE(${PORT}, 6)
      request.writeUInt32BE(7200, 8)
      socket.send(request, 5351, "${ROUTER}")
    }
  })`

// `--map-port` with a router of its own, in whose tables the mapping is looked for.
describeWith("a router lets peers in", [{ missing: lossMissing }, miniupnpd], () => {
  let folder: string
  let sample: Sample

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-portmap-"))
    sample = await sampleOf(folder, "set", { "a.bin": 50_000 }, 16 * 1024)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([
    { way: "by NAT-PMP", natPmp: true, upnp: false, route: false },
    { way: "by UPnP, with the router's address alone", natPmp: false, upnp: true, route: false },
    { way: "by UPnP, found by the default route", natPmp: false, upnp: true, route: true },
    { way: "by whichever answers", natPmp: true, upnp: true, route: false },
  ])("$way, while we give, and no longer", async ({ route, ...how }) => {
    const [router, ours] = await openNetnsPair([ROUTER, OURS])
    try {
      if (route) await ours.run(`ip route add default via ${ROUTER}`)
      const daemon = await miniupnpd.start({ netns: router, ...how })
      try {
        const options = route ? ["--map-port"] : ["--router", ROUTER]
        const giver = await academictorrents.seed({ ...sample, port: PORT, options, netns: ours })
        await giver.program.until(/lets peers in at UDP port 26881/, 30)
        expect(await daemon.mappings()).toEqual([`tcp ${OURS}:${PORT}`, `udp ${OURS}:${PORT}`])
        await giver.program.terminate()
        // Nobody waits for the router's answer, so it may still be at it.
        await expect.poll(() => daemon.mappings(), { timeout: 10_000 }).toEqual([])
        await giver.stop()
      } finally {
        await daemon.stop()
      }
    } finally {
      await Promise.all([router.close(), ours.close()])
    }
  })

  it("at another port, when another machine behind it has ours", async () => {
    const [router, ours] = await openNetnsPair([ROUTER, OURS])
    try {
      await ours.run(`ip addr add ${NEIGHBOUR}/32 dev cable`)
      const daemon = await miniupnpd.start({ netns: router, natPmp: true, upnp: false })
      try {
        await ours.run(`${process.execPath} -e '${TAKE_PORT}'`)
        const taken = [`tcp ${NEIGHBOUR}:${PORT}`, `udp ${NEIGHBOUR}:${PORT}`]
        expect(await daemon.mappings()).toEqual(taken)
        const giver = await academictorrents.seed({ ...sample, port: PORT, options: ["--router", ROUTER], netns: ours })
        await giver.program.until(/lets peers in at UDP port \d+, which leads to 26881/, 30)
        expect(await daemon.mappings()).toEqual([`tcp ${OURS}:${PORT}`, taken[0], `udp ${OURS}:${PORT}`, taken[1]])
        await giver.program.terminate()
        await expect.poll(() => daemon.mappings(), { timeout: 10_000 }).toEqual(taken)
        await giver.stop()
      } finally {
        await daemon.stop()
      }
    } finally {
      await Promise.all([router.close(), ours.close()])
    }
  })
})
