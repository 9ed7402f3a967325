import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  decodePercents,
  encodePercents,
  hostAndPort,
  redactUrl,
  redactUrls,
  withoutBrackets,
} from "../../../src/bytes/url.js"

const KEY = "0123456789abcdef0123456789abcdef"

describe("a URL in a log", () => {
  it.each([
    [
      `https://academictorrents.com/announce.php?passkey=${KEY}`,
      "https://academictorrents.com/announce.php?passkey=***",
    ],
    ["https://t.example/announce?uid=7&pass=x;a=b", "https://t.example/announce?uid=***&pass=***;a=b"],
    [`http://t.example/${KEY}/announce`, "http://t.example/***/announce"],
    ["http://user:word@t.example:80/a", "http://***@t.example:80/a"],
    ["http://a@b:c@t.example/", "http://***@t.example/"],
    [`udp://t.example:80/?${KEY}`, "udp://t.example:80/?***"],
    [
      `https://s3.example/f.zip?X-Amz-Signature=ab&X-Amz-Credential=x%2Fy&x=1`,
      "https://s3.example/f.zip?X-Amz-Signature=***&X-Amz-Credential=***&x=1",
    ],
    [`http://t.example/announce?x=${KEY}`, "http://t.example/announce?x=***"],
    [`http://t.example/announce#${KEY}`, "http://t.example/announce"],
    [`https://t.example/download/${KEY}.torrent`, `https://t.example/download/${KEY}.torrent`],
    ["https://t.example/data/images/file_01.csv?page=2", "https://t.example/data/images/file_01.csv?page=2"],
    ["not a url", "not a url"],
  ])("hides what is secret alone: %s", (url, shown) => {
    expect(redactUrl(url)).toBe(shown)
  })

  it("hides it inside a message", () => {
    expect(redactUrls(`connect to <http://t.example/${KEY}/announce> and http://u:p@x/ failed`)).toBe(
      "connect to <http://t.example/***/announce> and http://***@x/ failed",
    )
  })

  it("never lets a passkey through, wherever it stands and whatever else does", () => {
    const text = fc.string({ maxLength: 20 }).map((part) => part.replace(/[\s"'<>]/g, ""))
    fc.assert(
      fc.property(text, text, fc.constantFrom("passkey", "key", "pass", "uid", "authkey"), (path, query, name) => {
        const url = `http://t.example/${path.replace(/[#?]/g, "")}?a=${query.replace(/#/g, "")}&${name}=hunter2`
        expect(redactUrl(url)).not.toContain("hunter2")
        expect(redactUrls(`failed: ${url}`)).not.toContain("hunter2")
      }),
    )
  })

  it("takes time in proportion to its length", () => {
    for (const text of ["a.".repeat(200_000), "a:".repeat(200_000), `http://${"@".repeat(200_000)}`]) {
      expect(redactUrls(text).length).toBeLessThanOrEqual(text.length + 10)
    }
  })
})

describe("a host", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1:80"],
    ["2001:db8::1", "[2001:db8::1]:80"],
    ["example.org", "example.org:80"],
  ])("%s stands with its port as URLs have it, and is found there again", (host, written) => {
    expect(hostAndPort({ host, port: 80 })).toBe(written)
    expect(withoutBrackets(new URL(`ws://${hostAndPort({ host, port: 81 })}`).hostname)).toBe(host)
  })
})

it("decodes what is encoded rightly, and leaves a percent sign or bytes of another encoding as they are", () => {
  expect(decodePercents("100%25 caf%C3%a9%20%2B+ 50% %zz %E9 %")).toBe("100% café ++ 50% %zz %E9 %")
})

it("encodes all but letters, digits and four signs, byte by byte", () => {
  expect(encodePercents(Uint8Array.from("aZ09-._~+/ %é", (character) => character.charCodeAt(0)))).toBe(
    "aZ09-._~%2B%2F%20%25%E9",
  )
})
