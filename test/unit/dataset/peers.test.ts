import { describe, expect, it } from "vitest"
import { parsePeers } from "../../../src/dataset/peers.js"

describe("peers that a user names", () => {
  it("are hosts, IPv4 or bracketed IPv6 addresses, with a port", () => {
    expect(parsePeers(["lab-7.local:6881", " 10.0.0.1:1 ", "[2001:db8::1]:65535", "[::ffff:1.2.3.4]:80"])).toEqual([
      { host: "lab-7.local", port: 6881 },
      { host: "10.0.0.1", port: 1 },
      { host: "2001:db8::1", port: 65_535 },
      { host: "::ffff:1.2.3.4", port: 80 },
    ])
    expect(parsePeers([])).toEqual([])
  })

  it.each([
    "",
    "host",
    ":80",
    "host:",
    "host:0",
    "host:65536",
    "host:123456",
    "host:x",
    "::1:80",
    "[::1]",
    "[lab]:80",
    "a b:80",
    "host:80:81",
    "http://host:80",
  ])("are nothing else: %j", (text) => {
    expect(() => parsePeers(["host:80", text])).toThrow(expect.objectContaining({ code: "AT_INVALID_INPUT" }))
  })
})
