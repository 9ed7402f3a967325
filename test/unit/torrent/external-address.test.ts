import { describe, expect, it } from "vitest"
import { parseIp } from "../../../src/bytes/ip.js"
import { ExternalAddress } from "../../../src/torrent/finding/external-address.js"

const PEER = "93.184.216.34"

function electorate() {
  const heard: (string | undefined)[] = []
  const external = new ExternalAddress()
  external.whenKnown(() => heard.push(external.seenFrom(PEER)))
  return { external, heard, vote: (host: string, ours: string) => external.vote(host, parseIp(ours)!) }
}

describe("our address as others see it", () => {
  it("is known when two networks agree, and not by one that repeats itself", () => {
    const { external, heard, vote } = electorate()
    for (const host of ["1.2.3.4", "1.2.3.4", "1.2.99.1"]) vote(host, "8.8.8.8")
    vote("tracker.example", "9.9.9.9")
    expect(external.seenFrom(PEER)).toBeUndefined()
    vote("5.6.7.8", "8.8.8.8")
    expect(heard).toEqual(["8.8.8.8"])
    const late: string[] = []
    external.whenKnown(() => late.push("known"))
    expect(late).toEqual(["known"])
  })

  it("changes when more say otherwise, not at a tie", () => {
    const { heard, vote } = electorate()
    for (const host of ["1.1.0.1", "1.2.0.1"]) vote(host, "8.8.8.8")
    for (const host of ["1.3.0.1", "1.4.0.1"]) vote(host, "9.9.9.9")
    expect(heard).toEqual(["8.8.8.8"])
    vote("1.1.0.1", "9.9.9.9")
    expect(heard).toEqual(["8.8.8.8", "9.9.9.9"])
  })

  it("is one for each family, and only for those on the internet", () => {
    const { external, vote } = electorate()
    for (const host of ["1.1.0.1", "1.2.0.1"]) {
      vote(host, "8.8.8.8")
      vote(host, "2a00::1")
      vote(host, "10.0.0.1")
    }
    expect(external.seenFrom(PEER)).toBe("8.8.8.8")
    expect(external.seenFrom("2a01::1")).toBe("2a00::1")
    expect(external.seenFrom("10.0.0.2")).toBeUndefined()
    expect(external.seenFrom("example.org")).toBeUndefined()
  })

  it("has the router's port for those on the internet, by IPv4, and ours for all others", () => {
    const { external, vote } = electorate()
    for (const host of ["1.1.0.1", "1.2.0.1"]) vote(host, "8.8.8.8")
    const ports = () => [PEER, "2a01::1", "10.0.0.2", "example.org"].map((host) => external.portSeenFrom(host))
    external.listenPort = 6881
    expect(ports()).toEqual([6881, 6881, 6881, 6881])
    external.outerPort = 40_001
    expect(ports()).toEqual([40_001, 6881, 6881, 6881])
    const own = [40_001, 6881].map((port) => external.isOwn({ host: "8.8.8.8", port }))
    expect(own).toEqual([true, false])
  })

  it("forgets the oldest of many votes", () => {
    const { heard, vote } = electorate()
    vote("1.1.0.1", "8.8.8.8")
    for (let n = 0; n < 64; n++) vote(`2.${n}.0.1`, `11.0.0.${n}`)
    vote("1.2.0.1", "8.8.8.8")
    expect(heard).toEqual([])
  })
})
