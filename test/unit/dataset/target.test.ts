import { describe, expect, it } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { looksLikeInfoHash, looksLikePath, parseTarget } from "../../../src/dataset/target.js"

const HASH = "323a0048d87ca79b68f12a6350a57776b6a3b7fb"

/** The target in one line. */
function read(text: string): string {
  const target = parseTarget(text)
  if (target.kind === "info-hash") return `info-hash v${target.infoHash.version} ${toHex(target.infoHash.bytes)}`
  if (target.kind === "url") return `url ${target.url}`
  if (target.kind === "file") return `file ${target.path}`
  return `magnet ${toHex(target.magnet.infoHash ?? new Uint8Array())}`
}

describe("a target", () => {
  it("may be an infohash: hexadecimal in either case, base32, or of a v2 torrent", () => {
    expect(read(HASH)).toBe(`info-hash v1 ${HASH}`)
    expect(read(` ${HASH.toUpperCase()}\n`)).toBe(`info-hash v1 ${HASH}`)
    expect(read("GI5AASGYPST3TMHRFJRVBJLXO23KHN73")).toMatch(/^info-hash v1 [0-9a-f]{40}$/)
    expect(read("ab".repeat(32))).toBe(`info-hash v2 ${"ab".repeat(32)}`)
  })

  it("may be a magnet link", () => {
    expect(read(`magnet:?xt=urn:btih:${HASH}`)).toBe(`magnet ${HASH}`)
    expect(read(`MAGNET:?xt=urn:btih:${HASH}`)).toBe(`magnet ${HASH}`)
  })

  it.each([
    `https://academictorrents.com/details/${HASH}`,
    `http://www.academictorrents.com/details/${HASH.toUpperCase()}`,
    `https://academictorrents.com/details/${HASH}/tech`,
    `https://academictorrents.com/details/${HASH}?tab=files#top`,
    `https://academictorrents.com/download/${HASH}.torrent`,
    `https://academictorrents.com/download/${HASH}`,
    `http://127.0.0.1:8080/mirror/details/${HASH}`,
    `academictorrents.com/details/${HASH}`,
    `www.academictorrents.com/download/${HASH}.torrent`,
  ])("may be a page of the service: %s", (url) => {
    expect(read(url)).toBe(`info-hash v1 ${HASH}`)
  })

  it.each(["https://example.org/data.torrent", `https://example.org/${HASH}.torrent`, "HTTP://example.org/details/12"])(
    "may be any other URL, which is that of a .torrent: %s",
    (url) => {
      expect(read(url)).toBe(`url ${url}`)
    },
  )

  it.each([`http://mirror.example:8080/download/${HASH}.torrent`, `https://10.0.0.7/at/download/${HASH}`])(
    "is the URL of a .torrent if the host is not the service's: %s",
    (url) => {
      expect(read(url)).toBe(`url ${url}`)
      expect(parseTarget(url, new URL("/at/", url).href)).toMatchObject({ kind: "info-hash" })
    },
  )

  it.each([
    HASH.slice(1),
    `${HASH}0`,
    "data.torrent",
    "/tmp/a b.torrent",
    "./magnet.torrent",
    "~/x.torrent",
    "C:\\data\\x.torrent",
    "abc",
  ])("may be a path: %s", (path) => {
    expect(read(path)).toBe(`file ${path}`)
  })

  it("looks like a mistyped infohash when it has some hex digits too few or too many", () => {
    for (const text of [HASH.slice(1), `${HASH}0`, ` ${HASH.slice(10)}`]) expect(looksLikeInfoHash(text)).toBe(true)
    for (const text of [HASH.slice(11), `${HASH}.torrent`, "data"]) expect(looksLikeInfoHash(text)).toBe(false)
  })

  it("looks like a path when it has what only paths have", () => {
    for (const text of ["data.torrent", "X.TORRENT ", "./123", "a/b", "C:\\x"]) expect(looksLikePath(text)).toBe(true)
    for (const text of ["123", "mnist", "data.csv", HASH.slice(1)]) expect(looksLikePath(text)).toBe(false)
  })

  it.each(["", "   ", "ftp://example.org/a.torrent", "magnet:?dn=nothing", "f".repeat(63)])(
    "does not name a dataset: %j",
    (text) => {
      expect(() => parseTarget(text)).toThrow(expect.objectContaining({ code: "AT_INVALID_INPUT" }))
    },
  )
})
