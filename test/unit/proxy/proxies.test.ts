import { describe, expect, it } from "vitest"
import { readUserSettings } from "../../../src/node/user-settings.js"
import { NoProxy } from "../../../src/proxy/no-proxy.js"
import { Proxies } from "../../../src/proxy/proxies.js"

describe("a proxy's URL", () => {
  const parsed = (all: string) => new Proxies({ all }).forPeers

  it("says what it speaks, where it is, and who we are", () => {
    expect(parsed("http://proxy.example:3128/")).toEqual({ kind: "http", host: "proxy.example", port: 3128 })
    expect(parsed("https://proxy.example")).toEqual({ kind: "https", host: "proxy.example", port: 443 })
    expect(parsed("http://proxy.example:80")).toEqual({ kind: "http", host: "proxy.example", port: 80 })
    expect(parsed("proxy.example")).toEqual({ kind: "http", host: "proxy.example", port: 80 })
    // As GNOME exports it.
    expect(parsed("socks://127.0.0.1:1080/")).toEqual({ kind: "socks5", host: "127.0.0.1", port: 1080 })
    expect(parsed("socks5h://[2001:db8::1]")).toEqual({ kind: "socks5", host: "2001:db8::1", port: 1080 })
    // A backslash is a slash, and zeros in front are nothing.
    expect(parsed("proxy.example\\x:3128")).toEqual({ kind: "http", host: "proxy.example", port: 80 })
    expect(parsed("https://proxy.example:0003128")).toEqual({ kind: "https", host: "proxy.example", port: 3128 })
    expect(parsed("SOCKS5://us%40er:p%3Aw:1@10.0.0.1:443")).toEqual({
      kind: "socks5",
      host: "10.0.0.1",
      port: 443,
      credentials: { user: "us@er", password: "p:w:1" },
    })
  })

  it("is refused when it can't be used, and its password is not said", () => {
    for (const url of [
      "socks4://h:1",
      "ftp://h",
      "http://",
      "http://h:0",
      "http://h:00",
      "http://h:70000",
      "socks5://u:secret@:1",
    ]) {
      expect(() => new Proxies({ http: url }), url).toThrow(
        expect.objectContaining({
          code: "AT_INVALID_INPUT",
          message: expect.stringMatching(/^HTTP_PROXY: (?!.*secret)/),
        }),
      )
    }
  })
})

describe("the proxies of an environment", () => {
  const settings = { http: "http://a:1", all: "socks5://c:3", none: "direct.example" }

  it("are each for their protocol, and ALL_PROXY for what has none of its own", () => {
    const proxies = new Proxies(settings)
    expect(proxies.forUrl("http:", "data.example")).toMatchObject({ host: "a" })
    expect(proxies.forUrl("https:", "data.example")).toMatchObject({ host: "c" })
    expect(proxies.forUrl("https:", "www.direct.example")).toBeUndefined()
    expect(proxies.reach).toBe("outgoing")
  })

  it("lead to the web alone without ALL_PROXY, and nowhere when NO_PROXY is *", () => {
    const proxies = new Proxies({ ...settings, all: "" })
    expect([proxies.reach, proxies.forPeers]).toEqual(["web", undefined])
    expect(proxies.forUrl("https:", "data.example")).toBeUndefined()
    expect(new Proxies({ ...settings, none: " * " }).reach).toBe("open")
    expect(new Proxies({ none: "x" }).reach).toBe("open")
  })

  it("lead to the web alone when ALL_PROXY is of a kind that is not spoken, unless the web needs it", () => {
    const own = { http: "http://a:1", https: "http://b:2" }
    const proxies = new Proxies({ ...own, all: "socks4://c:3" })
    expect([proxies.reach, proxies.forPeers]).toEqual(["web", undefined])
    expect(proxies.forUrl("https:", "data.example")).toMatchObject({ host: "b" })
    expect(proxies.warning).toMatch(/ALL_PROXY is not used.*socks4:/)
    expect(new Proxies({ ...own, all: "socks5://c:3" }).warning).toBeUndefined()
    expect(new Proxies(own).warning).toBeUndefined()
    expect(() => new Proxies({ http: "http://a:1", all: "socks4://c:3" })).toThrow(/^ALL_PROXY: "socks4:/)
    expect(() => new Proxies({ ...own, all: "socks5://c:0" })).toThrow(/^ALL_PROXY: /)
  })

  it("may be written in lower case, which wins; HTTP_PROXY is not believed in a CGI program", () => {
    const read = (environment: Record<string, string>) => readUserSettings(environment).proxies
    expect(read({ HTTP_PROXY: "x", https_proxy: "y", HTTPS_PROXY: "z", NO_PROXY: "n" })).toEqual({
      http: "x",
      https: "y",
      all: undefined,
      none: "n",
    })
    expect(read({ HTTP_PROXY: "x", REQUEST_METHOD: "GET" })).toBeUndefined()
    expect(read({ http_proxy: "x", HTTP_PROXY: "y", REQUEST_METHOD: "GET" })).toMatchObject({ http: "x" })
    expect(read({ NO_PROXY: "*", ALL_PROXY: "" })).toBeUndefined()
  })
})

describe("NO_PROXY", () => {
  const named: Record<string, [yes: string[], no: string[]]> = {
    "": [[], ["a.example", "10.0.0.1"]],
    "*": [["a.example", "10.0.0.1", "::1"], []],
    "example.org": [
      ["example.org", "EXAMPLE.org.", "www.example.org"],
      ["notexample.org", "example.org.evil.com", "org"],
    ],
    ".example.org, localhost": [["example.org", "www.example.org", "localhost"], ["localhost.org"]],
    "a.example  b.example,c.example.": [["a.example", "b.example", "c.example"], ["d.example"]],
    "10.1.2.3": [["10.1.2.3"], ["10.1.2.30", "110.1.2.3", "10.1.2.3.example"]],
    "10.0.0.0/9,192.168.1.0/24": [
      ["10.127.255.255", "192.168.1.255"],
      ["10.128.0.0", "192.168.2.0", "c0a8::1"],
    ],
    "[::1],fd00::/8,2001:db8:0::5": [
      ["::1", "[::1]", "fd12::1", "2001:db8::5"],
      ["::2", "fe00::1", "127.0.0.1"],
    ],
    "0.0.0.0/0 ::/0": [["8.8.8.8", "2001:db8::1"], ["a.example"]],
    "*,b.example": [["b.example"], ["a.example"]],
    "10.0.0.0/33,a/b": [[], ["10.0.0.1", "a", "b"]],
  }

  for (const [list, [yes, no]] of Object.entries(named)) {
    it(`"${list}" names what curl takes it to name`, () => {
      const none = new NoProxy(list)
      expect(yes.filter((host) => !none.names(host))).toEqual([])
      expect(no.filter((host) => none.names(host))).toEqual([])
    })
  }
})
