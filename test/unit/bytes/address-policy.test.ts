import { describe, expect, it } from "vitest"
import {
  type AddressClass,
  classifyAddress,
  classifyHost,
  connectedAs,
  mayConnect,
  mayRedirect,
} from "../../../src/bytes/address-policy.js"

const ADDRESSES: Readonly<Record<AddressClass, readonly string[]>> = {
  public: [
    ...["8.8.8.8", "1.2.3.4", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "11.0.0.1"],
    // What proxies answer for every name.
    ...["198.18.0.1", "198.19.255.255"],
    ...["2001:db8::1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
  ],
  local: [
    ...["127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "0.0.0.0"],
    ...["100.64.0.1", "::1", "::", "fc00::1", "fdff::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3"],
    ...["::ffff:7f00:1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "2002:a00:1::", "::127.0.0.1"],
  ],
  forbidden: [
    ...["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1", "fd00:ec2::254", "fd20:ce::254"],
    ...["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "100.100.100.200", "168.63.129.16"],
    ...["192.0.0.192", "224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "no address", ""],
  ],
}

const HOSTS: Readonly<Record<AddressClass, readonly string[]>> = {
  public: [
    "academictorrents.com",
    "data.example.org.",
    "8.8.8.8",
    "[2606:4700::1111]",
    "localhost.example.org",
    "xlan.org",
    "local.example",
  ],
  local: [
    ...["localhost", "LOCALHOST", "localhost.", "nas", "nas.local", "nas.lan.", "db.internal", "printer.home.arpa"],
    ...["a.localhost", "127.0.0.1", "[::1]", "10.1.2.3", "[::ffff:7f00:1]"],
  ],
  forbidden: ["metadata.google.internal", "Metadata.Google.Internal.", "metadata", "169.254.169.254", "[fe80::1]", ""],
}

describe("address policy", () => {
  for (const [expected, addresses] of Object.entries(ADDRESSES)) {
    it.each(addresses)(`takes the address "%s" for ${expected}`, (address) => {
      expect(classifyAddress(address)).toBe(expected)
    })
  }

  for (const [expected, hosts] of Object.entries(HOSTS)) {
    it.each(hosts)(`takes the host "%s" for ${expected}`, (host) => {
      expect(classifyHost(host)).toBe(expected)
    })
  }

  it.each(["http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/", "http://127.1/"])(
    "sees through the spelling of %s",
    (url) => {
      expect(classifyHost(new URL(url).hostname)).toBe("local")
    },
  )

  it("lets a public name reach public addresses alone, a local one both, and nobody a forbidden one", () => {
    const table = (["public", "local", "forbidden"] as const).map((host) =>
      (["public", "local", "forbidden"] as const).filter((address) => mayConnect(host, address)),
    )
    expect(table).toEqual([["public"], ["public", "local"], []])
  })

  it("takes a public name that the user names for a local one, and never a forbidden one", () => {
    const table = (["public", "local", "forbidden"] as const).map((host) =>
      [false, true].map((namedByUser) => connectedAs(host, namedByUser)),
    )
    expect(table).toEqual([
      ["public", "local"],
      ["local", "local"],
      ["forbidden", "forbidden"],
    ])
  })

  it("lets a public place redirect to public places alone, and a local one to both", () => {
    const table = (["public", "local"] as const).map((from) =>
      (["public", "local", "forbidden"] as const).filter((to) => mayRedirect(from, to)),
    )
    expect(table).toEqual([["public"], ["public", "local"]])
  })
})
