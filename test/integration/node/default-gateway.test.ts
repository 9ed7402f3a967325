import { describe, expect, it } from "vitest"
import { gatewayOf } from "../../../src/node/default-gateway.js"

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n"

describe("the default gateway", () => {
  it("is the router of the default route, as Linux shows it", () => {
    const local = "eth0\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\n"
    const tunnel = "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\n"
    const router = "eth0\t00000000\tFE01A8C0\t0003\t0\t0\t100\t00000000\n"
    expect(gatewayOf(HEAD + local + tunnel + router)).toBe("192.168.1.254")
    expect(gatewayOf(HEAD + local + tunnel)).toBeUndefined()
    expect(gatewayOf("")).toBeUndefined()
  })
})
