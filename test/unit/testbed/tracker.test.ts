import { createSocket } from "node:dgram"
import { once } from "node:events"
import { afterEach, describe, expect, it } from "vitest"
import { type Decoded, decode } from "../../../testbed/bencode.js"
import { startTracker, type Tracker } from "../../../testbed/tracker.js"

const HASH = "0123456789abcdef0123456789abcdef01234567"

let tracker: Tracker
afterEach(() => tracker.close())

function announceUrl(more = ""): string {
  const hash = HASH.replace(/../g, "%$&")
  return `${tracker.httpUrl}?info_hash=${hash}&peer_id=-XX0001-abcdefghijkl&port=6000&left=5&event=started&key=k${more}`
}

async function ask(url: string): Promise<Map<string, Decoded>> {
  const answer = await fetch(url)
  return decode(Buffer.from(await answer.arrayBuffer())) as Map<string, Decoded>
}

describe("the tracker over HTTP", () => {
  it("names IPv4 and IPv6 peers in the compact form, and never the one that asks", async () => {
    tracker = await startTracker()
    tracker.addPeer(HASH, { host: "10.1.2.3", port: 258, seed: true })
    tracker.addPeer(HASH, { host: "fe80::1", port: 1 })
    const answer = await ask(announceUrl())
    expect(answer.get("peers")).toEqual(Buffer.from([10, 1, 2, 3, 1, 2]))
    expect(answer.get("peers6")).toEqual(Buffer.from(`fe80${"00".repeat(13)}010001`, "hex"))
    expect(answer.get("complete")).toBe(1)
    expect(tracker.announces).toMatchObject([
      { via: "http", infoHash: HASH, host: "127.0.0.1", port: 6000, event: "started", left: 5, key: "k" },
    ])
  })

  it("names them in dictionaries, or refuses, as it is told", async () => {
    tracker = await startTracker({ knobs: { form: "dictionary", minInterval: 60, reason: "be quick" } })
    tracker.addPeer(HASH, { host: "10.1.2.3", port: 258 })
    const answer = await ask(announceUrl())
    const [peer] = answer.get("peers") as Map<string, Decoded>[]
    expect([String(peer!.get("ip")), peer!.get("port")]).toEqual(["10.1.2.3", 258])
    expect([answer.get("min interval"), String(answer.get("warning message"))]).toEqual([60, "be quick"])
    tracker.knobs.answer = "failure"
    expect(String((await ask(announceUrl())).get("failure reason"))).toBe("be quick")
  })

  it("answers the first infohash of a scrape alone", async () => {
    tracker = await startTracker()
    tracker.addPeer(HASH, { host: "10.1.2.3", port: 258, seed: true })
    const escaped = "%2a".repeat(20)
    const url = tracker.httpUrl.replace("announce", "scrape")
    const files = (await ask(`${url}?info_hash=${escaped}&info_hash=${escaped}`)).get("files") as Map<string, Decoded>
    expect([...files.keys()]).toEqual(["*".repeat(20)])
  })

  it("forgets a peer that has stopped, and lets a test wait for that", async () => {
    tracker = await startTracker()
    const stopped = tracker.until((announce) => announce.event === "stopped")
    await fetch(announceUrl())
    await fetch(announceUrl().replace("started", "stopped"))
    expect((await stopped).port).toBe(6000)
    expect((await ask(announceUrl().replace("6000", "6001"))).get("peers")).toEqual(Buffer.alloc(0))
  })
})

describe("the tracker over UDP", () => {
  it("connects, answers an announce and refuses a stale connection", async () => {
    tracker = await startTracker()
    tracker.addPeer(HASH, { host: "10.1.2.3", port: 258 })
    const socket = createSocket("udp4")
    const port = Number(new URL(tracker.udpUrl).port)
    const exchange = async (packet: Buffer): Promise<Buffer> => {
      socket.send(packet, port, "127.0.0.1")
      const [answer] = (await once(socket, "message")) as [Buffer]
      return answer
    }
    try {
      const connected = await exchange(Buffer.from("00000417271019800000000000000007", "hex"))
      expect(connected.toString("hex", 0, 8)).toBe("0000000000000007")
      const announce = Buffer.alloc(98)
      connected.copy(announce, 0, 8, 16)
      announce.writeUInt32BE(1, 8)
      announce.writeUInt32BE(8, 12)
      announce.write(HASH, 16, "hex")
      announce.writeBigInt64BE(99n, 64)
      announce.writeUInt32BE(2, 80)
      announce.writeInt32BE(-1, 92)
      announce.writeUInt16BE(6000, 96)
      const answer = await exchange(announce)
      expect(answer.toString("hex", 0, 8)).toBe("0000000100000008")
      expect(answer.subarray(20)).toEqual(Buffer.from([10, 1, 2, 3, 1, 2]))
      expect(tracker.announces).toMatchObject([{ via: "udp", event: "started", left: 99, port: 6000 }])
      announce.fill(0, 0, 8)
      expect((await exchange(announce)).readUInt32BE(0)).toBe(3)
    } finally {
      socket.close()
    }
  })
})
