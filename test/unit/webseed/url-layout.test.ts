import { describe, expect, it } from "vitest"
import { distinctPlaces, urlLayout } from "../../../src/webseed/url-layout.js"
import { metainfoOf } from "../../support/web-seed-bench.js"

function single(url: string, name = "train set.csv"): string {
  const layout = urlLayout(url, metainfoOf("file", [{ length: 1, path: name }]))
  return layout.kind === "usable" ? layout.urlOf(0) : layout.reason
}

function inFolder(url: string, path: string): string {
  const layout = urlLayout(url, metainfoOf("folder", [{ length: 1, path }]))
  return layout.kind === "usable" ? layout.urlOf(0) : layout.reason
}

describe("the URL of a single file", () => {
  it.each([
    ["is the URL as it is", "http://a.example/x/other.name.gz", "http://a.example/x/other.name.gz"],
    ["is below a URL that ends in a slash", "http://a.example/x/", "http://a.example/x/train%20set.csv"],
    ["keeps what is encoded", "http://a.example/a%20b%5B1%5D%2Fc", "http://a.example/a%20b%5B1%5D%2Fc"],
    [
      "has bare spaces and brackets encoded",
      "http://a.example/a b_[Xprt].bz2",
      "http://a.example/a%20b_%5BXprt%5D.bz2",
    ],
    ["has a lone percent sign encoded", "http://a.example/100%.csv", "http://a.example/100%25.csv"],
    ["has letters beyond ASCII encoded", "http://a.example/größe.csv", "http://a.example/gr%C3%B6%C3%9Fe.csv"],
    ["keeps its query", "https://a.example/get?id=[7]&x=%2F", "https://a.example/get?id=[7]&x=%2F"],
    ["has no empty query", "http://a.example/x.csv?", "http://a.example/x.csv"],
    ["never has a fragment", "http://a.example/x.csv#part", "http://a.example/x.csv"],
    ["may have blanks around it", " http://a.example/x.csv\n", "http://a.example/x.csv"],
    ["may have an IPv6 host", "http://[2001:db8::1]:8080/[x]", "http://[2001:db8::1]:8080/%5Bx%5D"],
    ["may have user and password", "http://me:s%40cret@a.example/x", "http://me:s%40cret@a.example/x"],
    ["has host and scheme in lower case", "HTTP://A.Example/X", "http://a.example/X"],
  ])("%s", (_, url, expected) => {
    expect(single(url)).toBe(expected)
  })
})

describe("the URL of a file in a folder", () => {
  it.each([
    ["is below the torrent's name", "http://a.example/pub/", "x.csv", "http://a.example/pub/data%20set/x.csv"],
    ["gets a slash that is missing", "http://a.example/pub", "x.csv", "http://a.example/pub/data%20set/x.csv"],
    ["may be below the root", "http://a.example", "x.csv", "http://a.example/data%20set/x.csv"],
    ["has no empty query", "http://a.example/pub/?#", "x", "http://a.example/pub/data%20set/x"],
    ["keeps the folders inside", "http://a.example/", "a/b c/d", "http://a.example/data%20set/a/b%20c/d"],
    ["has # ? and % of names encoded", "http://a.example/", "#1?.50%41", "http://a.example/data%20set/%231%3F.50%2541"],
    ["has brackets and plus signs encoded", "http://a.example/", "[a+b]", "http://a.example/data%20set/%5Ba%2Bb%5D"],
    ["has names in UTF-8", "http://a.example/", "データ", "http://a.example/data%20set/%E3%83%87%E3%83%BC%E3%82%BF"],
    ["survives half a surrogate pair", "http://a.example/", "x\ud800", "http://a.example/data%20set/x%EF%BF%BD"],
    ["goes into a query that ends in a slash", "http://a.example/?p=/", "x", "http://a.example/?p=/data%20set/x"],
  ])("%s", (_, url, path, expected) => {
    expect(inFolder(url, path)).toBe(expected)
  })

  it("keeps a slash inside a name from becoming a folder", () => {
    const metainfo = { ...metainfoOf("folder", [{ length: 1 }]), renamed: new Map([[0, ["a/../b"]]]) }
    const layout = urlLayout("http://a.example/", metainfo)
    expect(layout.kind === "usable" && layout.urlOf(0)).toBe("http://a.example/data%20set/a%2F..%2Fb")
  })
})

describe("URLs that lead to the same files", () => {
  const folder = metainfoOf("folder", [{ length: 1 }])
  const file = metainfoOf("file", [{ length: 1, path: "a b.csv" }])

  it("are one place, the first", () => {
    const [slash, bare, other] = ["http://a.example/pub/", "http://a.example/pub", "http://b.example/pub"] as const
    expect(distinctPlaces([slash, bare, other, slash], folder)).toEqual([slash, other])
    const [whole, encoded, below] = [
      "http://a.example/a b.csv",
      "http://A.example/a%20b.csv",
      "http://a.example/",
    ] as const
    expect(distinctPlaces([whole, encoded, below], file)).toEqual([whole])
  })

  it("and such as can't be used are all kept, to be told of", () => {
    const urls = ["ftp://a.example/x", "not a URL", "http://a.example/x"]
    expect(distinctPlaces(urls, file)).toEqual(urls)
  })
})

describe("a URL that can't be used", () => {
  it.each(["ftp://a.example/x", "file:///etc/passwd", "javascript:1", "magnet:?xt=1"])("is %s", (url) => {
    expect(single(url)).toContain("is not supported")
    expect(inFolder(url, "x")).toContain("is not supported")
  })

  it.each(["", "/x.csv", "http://", "http://a b/", "not a URL"])("is %j", (url) => {
    expect(single(url)).toBe("its URL is malformed")
  })
})
