import { describe, expect, it } from "vitest"
import { judgeAnswer, type Verdict } from "../../../src/webseed/judge-answer.js"

const NOW = Date.UTC(2026, 0, 1, 12)

/** Bytes 100 to 199 of 1000, unless said. */
function judge(status: number, headers: Record<string, string> = {}, range = [100, 200], name = "x.csv"): Verdict {
  const [from, to] = range as [number, number]
  return judgeAnswer({ name, fileLength: 1000, from, to }, { status, headers }, NOW)
}

const part = (range: string, more: Record<string, string> = {}): Record<string, string> => ({
  "content-range": range,
  ...more,
})

describe("a 206", () => {
  it.each([
    ["exactly what was asked for", "bytes 100-199/1000", 200],
    ["of a file of unknown length", "bytes 100-199/*", 200],
    ["that is shorter", "bytes 100-149/1000", 150],
    ["that is longer", "bytes 100-299/1000", 300],
    ["written loosely", " Bytes 100-199/1000 ", 200],
    ["written like a request's range", "bytes=100-199/1000", 200],
    ["without its unit", "100-199/1000", 200],
  ])("with a Content-Range %s is taken", (_, range, end) => {
    expect(judge(206, part(range))).toEqual({ kind: "body", start: 100, end, ignoredRange: false })
  })

  it.each([
    ["without Content-Range", {}],
    ["that is malformed", part("bytes 100-199")],
    ["of another unit", part("items 100-199/1000")],
    ["that is negative", part("bytes 100--1/1000")],
    ["beyond all numbers", part("bytes 100-99999999999999999999/1000")],
    ["that begins later", part("bytes 101-199/1000")],
    ["that begins earlier", part("bytes 0-199/1000")],
    ["that ends before it begins", part("bytes 100-50/1000")],
    ["that ends beyond the file", part("bytes 100-1000/1000")],
    ["of several parts", { "content-type": "multipart/byteranges; boundary=x" }],
    ["whose Content-Length is another", part("bytes 100-199/1000", { "content-length": "99" })],
    ["that announces nothing", part("bytes 100-199/1000", { "content-length": "0" })],
  ])("%s is a wrong answer", (_, headers) => {
    expect(judge(206, headers).kind).toBe("wrong-answer")
  })

  it("of a file of another length means that ours is not there", () => {
    expect(judge(206, part("bytes 100-199/1001"))).toEqual({
      kind: "file-missing",
      reason: "its file has 1001 bytes instead of 1000",
      status: 206,
    })
  })
})

describe("a 200", () => {
  it("for the whole file is what was asked for", () => {
    expect(judge(200, { "content-length": "1000" }, [0, 1000])).toEqual({
      kind: "body",
      start: 0,
      end: 1000,
      ignoredRange: false,
    })
  })

  it("for a part is the whole file, and the range was ignored", () => {
    expect(judge(200)).toEqual({ kind: "body", start: 0, end: undefined, ignoredRange: true })
    expect(judge(200, {}, [0, 100])).toMatchObject({ start: 0, ignoredRange: true })
  })

  it("of another length means that ours is not there", () => {
    expect(judge(200, { "content-length": "512" }, [0, 1000]).kind).toBe("file-missing")
  })
})

describe("an encoded answer", () => {
  const encoded = (encoding: string): Record<string, string> =>
    part("bytes 100-199/1000", { "content-encoding": encoding })

  it.each(["gzip", "br", "deflate", "GZIP", "gzip, gzip", "constructor", "aws-chunked"])(
    "(%s) is not taken",
    (name) => {
      expect(judge(206, encoded(name)).kind).toBe("file-missing")
    },
  )

  it.each(["aws-chunked", "gzip", "utf-8"])(
    "(%s) is taken where both lengths are those of the file as it is",
    (name) => {
      expect(judge(206, { ...encoded(name), "content-length": "100" }).kind).toBe("body")
      expect(judge(200, { "content-encoding": name, "content-length": "1000" }).kind).toBe("body")
      expect(judge(206, part("bytes 100-199/*", { "content-encoding": name, "content-length": "100" })).kind).toBe(
        "file-missing",
      )
    },
  )

  it("is taken where the file itself is what the server calls encoded", () => {
    expect(judge(206, encoded("x-gzip"), [100, 200], "vangogh.tar.gz").kind).toBe("body")
    expect(judge(206, encoded("gzip"), [100, 200], "a.TGZ").kind).toBe("body")
    expect(judge(200, { "content-encoding": "gzip", "content-length": "1000" }, [0, 1000], "a.gz").kind).toBe("body")
  })

  it("is not taken on the strength of a name when its length is not the file's", () => {
    expect(judge(206, part("bytes 100-199/*", { "content-encoding": "gzip" }), [100, 200], "a.gz").kind).toBe(
      "file-missing",
    )
    expect(judge(200, { "content-encoding": "gzip" }, [0, 1000], "a.gz").kind).toBe("file-missing")
  })

  it("may be called identity", () => {
    expect(judge(206, encoded("identity")).kind).toBe("body")
  })
})

describe("any other status", () => {
  it.each([
    [404, "file-missing"],
    [410, "file-missing"],
    [451, "file-missing"],
    [400, "file-missing"],
    [416, "file-missing"],
    [401, "file-refused"],
    [403, "file-refused"],
    [407, "refused"],
    [408, "busy"],
    [429, "busy"],
    [500, "file-refused"],
    [502, "file-refused"],
    [503, "busy"],
    [504, "file-refused"],
    [204, "wrong-answer"],
    [304, "wrong-answer"],
    [101, "wrong-answer"],
  ] as const)("%i is %s", (status, kind) => {
    expect(judge(status).kind).toBe(kind)
  })

  it("416 tells the length that is there", () => {
    expect(judge(416, part("bytes */77"))).toMatchObject({ reason: "its file has 77 bytes instead of 1000" })
    expect(judge(416, part("bytes */1000"))).toMatchObject({ kind: "wrong-answer" })
  })
})

it.each([401, 403, 500, 503])("%i with a Retry-After is about the server, and not the file", (status) => {
  expect(judge(status, { "retry-after": "7" })).toMatchObject({ kind: "busy", retryAfter: 7000 })
})

describe("Retry-After", () => {
  it.each([
    ["seconds", "120", 120_000],
    ["zero", "0", 0],
    ["a date to come", "Thu, 01 Jan 2026 12:05:00 GMT", 300_000],
    ["a date that has passed", "Thu, 01 Jan 2015 12:05:00 GMT", 0],
    ["half a second", "0.5", undefined],
    ["something else", "soon", undefined],
    ["a strange date", "Thu, 99 Foo GMT", undefined],
    ["negative", "-5", undefined],
  ])("may be %s", (_, value, retryAfter) => {
    expect(judge(503, { "retry-after": value })).toMatchObject({ kind: "busy", retryAfter })
  })
})
