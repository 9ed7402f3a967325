import { describe, expect, it } from "vitest"
import { parseIp } from "../../../src/bytes/ip.js"
import { holdingOf, ipScope } from "../../../src/bytes/ip-scope.js"

describe("addresses by their reach", () => {
  it.each([
    ["8.8.8.8", "public"],
    ["172.32.0.1", "public"],
    ["10.1.2.3", "private"],
    ["172.16.0.1", "private"],
    ["192.168.0.1", "private"],
    ["100.64.0.1", "private"],
    ["127.8.8.8", "loopback"],
    ["0.0.0.0", "refused"],
    ["0.1.2.3", "refused"],
    ["169.254.169.254", "refused"],
    ["100.100.100.200", "refused"],
    ["224.0.0.1", "refused"],
    ["255.255.255.255", "refused"],
    ["::1", "loopback"],
    ["::", "refused"],
    ["fe80::1", "refused"],
    ["ff02::1", "refused"],
    ["fd00:ec2::254", "refused"],
    ["fd00::1", "private"],
    ["2001:db8::1", "public"],
    ["::ffff:10.0.0.1", "private"],
    ["::ffff:169.254.169.254", "refused"],
    ["64:ff9b::7f00:1", "loopback"],
    ["2002:a00:1::", "private"],
    ["2002:808:808::1", "public"],
    ["64:ff9b:1::808:808", "private"],
    ["192.0.0.8", "private"],
    ["198.18.0.1", "public"],
  ])("%s is %s", (text, scope) => {
    expect(ipScope(parseIp(text)!)).toBe(scope)
  })

  it.each([
    ["8.8.8.8", "8.8.8.9", false],
    ["2001:db8:1:2::1", "2001:0db8:1:2:ffff::2", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["fd00::1", "fd00::2", false],
    ["64:ff9b::808:808", "64:ff9b::808:809", false],
    ["::ffff:8.8.8.8", "::ffff:8.8.8.9", false],
  ])("%s and %s belong together: %s", (a, b, together) => {
    expect(holdingOf(a) === holdingOf(b)).toBe(together)
  })
})
