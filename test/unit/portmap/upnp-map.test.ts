import { describe, expect, it } from "vitest"
import { UpnpMap } from "../../../src/portmap/upnp-map.js"
import type { ByteStream, StreamListener } from "../../../src/ports/net.js"
import { createSimulation } from "../../sim/lib/simulation.js"

const ROUTER = "10.0.0.254"
const US = "10.0.0.1"
const HOUR = 3_600_000

interface How {
  /** Where its description is said to be. */
  readonly location?: string
  /** Who answers the search. */
  readonly from?: string
  readonly service?: string
  readonly controlUrl?: string
  readonly description?: string
  /** The answer to a call; undefined: it works. */
  readonly refuse?: (action: string, body: string) => number | undefined
}

/** A router that speaks UPnP as it is told. Of each call what was asked is noted. */
async function scene(how: How = {}) {
  const simulation = createSimulation({ seed: 1 })
  const { location = `http://${ROUTER}:5000/root.xml`, from = ROUTER, controlUrl = "/ctl?a=1&amp;b=2" } = how
  const type = `urn:schemas-upnp-org:service:${how.service ?? "WANIPConnection:1"}`
  const description =
    how.description ??
    `<?xml version="1.0"?><root><device><serviceList>
      <service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/l3</controlURL></service>
      <service><serviceType>${type}</serviceType><controlURL> ${controlUrl} </controlURL></service>
    </serviceList></device></root>`
  const asked: string[] = []
  const bodies: string[] = []
  const connections: string[] = []
  const us = simulation.platform(US)
  const answering = simulation.platform(from)
  const socket = await simulation.runUntil(
    answering.udp.open({ family: 4, port: 1900 }, (datagram, remote) => {
      if (!Buffer.from(datagram).toString().includes("InternetGatewayDevice:1")) return
      socket.send(Buffer.from(`HTTP/1.1 200 OK\r\nST: x\r\nLocation: ${location}\r\n\r\n`), remote)
    }),
  )
  // Whoever else answers knows where we ask from.
  const nosy = await simulation.runUntil(
    simulation.platform(ROUTER).udp.open({ family: 4, port: from === ROUTER ? 1901 : 1900 }, (datagram, remote) => {
      if (Buffer.from(datagram).toString().includes("M-SEARCH") && from !== ROUTER) {
        socket.send(Buffer.from(`HTTP/1.1 200 OK\r\nLocation: ${location}\r\n\r\n`), remote)
      }
    }),
  )
  const serve = (stream: ByteStream): StreamListener => {
    let received = ""
    return {
      onOpen() {},
      onDrain() {},
      onClose() {},
      onData(chunk) {
        received += Buffer.from(chunk).toString()
        const [head = "", body] = received.split("\r\n\r\n")
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (body === undefined || body.length < length) return
        const action = /soapaction: "([^"]*)"/i.exec(head)?.[1]?.split("#")[1]
        const of = (name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(body)?.[1] ?? ""
        asked.push(
          action === undefined
            ? head.split("\r\n")[0]!
            : [action, of("NewProtocol"), of("NewExternalPort"), of("NewLeaseDuration")].join(" ").trim(),
        )
        bodies.push(received)
        const code = action === undefined ? undefined : how.refuse?.(action, body)
        const answer =
          action === undefined
            ? description
            : code === undefined
              ? "<s:Envelope><NewExternalIPAddress>8.8.4.4</NewExternalIPAddress></s:Envelope>"
              : `<s:Fault><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault>`
        const status = code === undefined ? "200 OK" : "500 Internal Server Error"
        stream.write(Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`))
      },
    }
  }
  for (const host of [ROUTER, "10.0.0.66"]) {
    for (const port of [5000, 80]) {
      const listening = simulation.platform(host).net.listen({ port }, (stream) => {
        connections.push(`${host}:${port}`)
        return serve(stream)
      })
      await simulation.runUntil(listening)
    }
  }
  const outerPorts: number[] = []
  const onOuterPort = (port: number): void => void outerPorts.push(port)
  const map = new UpnpMap({ platform: us, gateway: ROUTER, ownAddress: US, port: 6881, onOuterPort })
  map.start()
  const said = () => us.log.lines.filter(({ scope }) => scope === "portmap").map(({ message }) => message)
  const end = async (): Promise<void> => {
    await simulation.runUntil(map.close())
    await simulation.run(10_000)
    expect(us.clock.pendingTimers).toBe(0)
    await simulation.runUntil(nosy.close())
  }
  return { simulation, map, asked, bodies, connections, outerPorts, said, end }
}

describe("a port map by UPnP", () => {
  it.each(["WANIPConnection:1", "WANIPConnection:2", "WANPPPConnection:1"])(
    "is asked of %s for TCP and UDP, renewed in time, and taken back",
    async (service) => {
      const { simulation, map, asked, bodies, said, end } = await scene({ service })
      await simulation.run(5000)
      expect(asked).toEqual([
        "GET /root.xml HTTP/1.0",
        "GetExternalIPAddress",
        "AddPortMapping TCP 6881 7200",
        "AddPortMapping UDP 6881 7200",
      ])
      expect(bodies[2]).toMatch(/^POST \/ctl\?a=1&b=2 HTTP\/1\.0\r\nHost: 10\.0\.0\.254:5000\r\n/)
      expect(bodies[2]).toContain(`SOAPAction: "urn:schemas-upnp-org:service:${service}#AddPortMapping"`)
      expect(bodies[2]).toContain(
        "<NewInternalPort>6881</NewInternalPort><NewInternalClient>10.0.0.1</NewInternalClient>",
      )
      expect(map.mapped).toBe(true)
      expect(said()).toEqual([
        "the router lets peers in at TCP port 6881, by UPnP",
        "the router lets peers in at UDP port 6881, by UPnP",
      ])
      await simulation.run(HOUR)
      expect(asked.slice(4)).toEqual(["AddPortMapping TCP 6881 7200", "AddPortMapping UDP 6881 7200"])
      expect(said()).toHaveLength(2)
      await end()
      expect(asked.slice(6).sort()).toEqual(["DeletePortMapping TCP 6881", "DeletePortMapping UDP 6881"])
    },
  )

  it("is for ever where the router knows nothing else, and not taken from another", async () => {
    const permanent = await scene({
      refuse: (action, body) =>
        action === "AddPortMapping" && !body.includes("<NewLeaseDuration>0<") ? 725 : undefined,
    })
    await permanent.simulation.run(5000)
    expect(permanent.asked.slice(2)).toEqual([
      ...["AddPortMapping TCP 6881 7200", "AddPortMapping TCP 6881 0"],
      ...["AddPortMapping UDP 6881 7200", "AddPortMapping UDP 6881 0"],
    ])
    await permanent.end()

    const taken = await scene({ refuse: (action) => (action === "AddPortMapping" ? 718 : undefined) })
    await taken.simulation.run(5000)
    expect(taken.said()[0]).toMatch(/TCP port 6881: it has that and 4 others for somebody else already/)
    expect(taken.map.mapped).toBe(false)
    expect(taken.outerPorts).toEqual([])
    await taken.end()
    expect(taken.asked.some((line) => line.startsWith("Delete"))).toBe(false)
  })

  it("is at another port, the same for TCP and UDP, where another machine has ours", async () => {
    const { simulation, map, asked, bodies, outerPorts, said, end } = await scene({
      refuse: (action, body) =>
        action === "AddPortMapping" && body.includes("<NewExternalPort>6881<") ? 718 : undefined,
    })
    await simulation.run(5000)
    const [outerPort] = outerPorts
    expect(outerPort).toBeGreaterThanOrEqual(49_152)
    const mapping = [`AddPortMapping TCP ${outerPort} 7200`, `AddPortMapping UDP ${outerPort} 7200`]
    expect(asked.slice(2)).toEqual(["AddPortMapping TCP 6881 7200", ...mapping])
    expect(bodies.at(-1)).toContain("<NewInternalPort>6881</NewInternalPort>")
    expect(map.mapped).toBe(true)
    expect(said()).toEqual([
      `the router lets peers in at TCP port ${outerPort}, which leads to 6881, by UPnP`,
      `the router lets peers in at UDP port ${outerPort}, which leads to 6881, by UPnP`,
    ])
    await simulation.run(HOUR)
    expect(asked.slice(5)).toEqual(mapping)
    expect(outerPorts).toHaveLength(1)
    await end()
    expect(asked.slice(7).sort()).toEqual([`DeletePortMapping TCP ${outerPort}`, `DeletePortMapping UDP ${outerPort}`])
  })

  it.each([
    ["a description at another address", { location: "http://10.0.0.66:5000/root.xml" }],
    ["a description by another protocol", { location: `https://${ROUTER}:5000/root.xml` }],
    ["a description with a login", { location: `http://a:b@${ROUTER}:5000/root.xml` }],
    ["a description under a name", { location: "http://router.example:5000/root.xml" }],
    ["an answer of somebody else", { from: "10.0.0.66" }],
  ])("is not led to others by %s", async (_, how) => {
    const { simulation, connections, said, end } = await scene(how)
    await simulation.run(30_000)
    expect(connections).toEqual([])
    expect(said()).toEqual([`no peers are let in by UPnP: the router at ${ROUTER} does not answer`])
    await end()
  })

  it("is not led to others by the place where mappings are to be asked for", async () => {
    for (const controlUrl of ["http://10.0.0.66/ctl", "//10.0.0.66/ctl", "ftp://10.0.0.254/"]) {
      const { simulation, connections, said, end } = await scene({ controlUrl })
      await simulation.run(30_000)
      expect(connections).toEqual([`${ROUTER}:5000`])
      expect(said()[0]).toMatch(/maps no ports/)
      await end()
    }
  })

  it("reads no more than 64 KiB, and waits for nobody", async () => {
    const { simulation, said, end } = await scene({ description: "x".repeat(100_000) })
    await simulation.run(30_000)
    expect(said()).toEqual(["no peers are let in by UPnP: the router's answer is too long"])
    await end()
  })

  it("takes back what it asked for when it is ended in the middle", async () => {
    const { simulation, map, asked, end } = await scene()
    await simulation.runUntil(() => asked.includes("AddPortMapping TCP 6881 7200"))
    expect(map.mapped).toBe(false)
    await end()
    expect(asked.at(-1)).toBe("DeletePortMapping TCP 6881")
    expect(asked).toHaveLength(4)
  })
})
