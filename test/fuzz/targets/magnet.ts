import { toHex } from "../../../src/bytes/hex.js"
import { decodeUtf8Lenient } from "../../../src/bytes/text.js"
import { parseTarget } from "../../../src/dataset/target.js"
import { AtError } from "../../../src/errors.js"
import { type Magnet, parseMagnet } from "../../../src/metainfo/magnet.js"
import { must, mustEqual, outcome } from "../lib/expect.js"
import { type Target, words } from "../lib/target.js"

const V1 = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
const V2 = `1220${"ab".repeat(32)}`

/** A link is refused, or says the same when it is written anew; so is whatever else a user may name a dataset by. */
export const magnet: Target = {
  name: "magnet",
  seeds: () =>
    words(
      `magnet:?xt=urn:btih:${V1}&dn=a+b&tr=http%3A%2F%2Ft%2Fannounce&ws=https://w/x&x.pe=[::1]:1&so=0,2-4`,
      `magnet:?xt.1=urn:btih:YEX6DQDLXIOUVHOJ6UM3GNNKPQJWPKEK&xt.2=urn:btmh:${V2}&x.pe=host:65535&x.pe=1.2.3.4:80`,
      V1,
      `https://academictorrents.com/details/${V1}`,
      "data.torrent",
    ),
  words: words(
    ..."magnet:?,xt=urn:btih:,xt=urn:btmh:1220,&,=,%,%25,%00,tr=,ws=,dn=,x.pe=,so=,tr.1=,-,:,[,],+,https://".split(","),
    V1,
    V2,
  ),
  check(input) {
    const text = decodeUtf8Lenient(input)
    const target = outcome(() => parseTarget(text), AtError)
    if (target.error !== undefined) must(target.error.code === "AT_INVALID_INPUT", `refused as ${target.error.code}`)
    const link = outcome(() => parseMagnet(text), AtError)
    if (link.error !== undefined) {
      must(link.error.code === "AT_INVALID_INPUT", `refused as ${link.error.code}`)
      return
    }
    const { infoHash, infoHashV2, peers, selectOnly, webSeeds } = link.value
    must(infoHash !== null || infoHashV2 !== null, "it names nothing")
    must((infoHash?.length ?? 20) === 20 && (infoHashV2?.length ?? 32) === 32, "an infohash has another length")
    for (const { host, port } of peers) must(host !== "" && port >= 1 && port <= 65535, "a peer is nowhere")
    for (const { first, last } of selectOnly ?? []) must(first >= 0 && first <= last, "a range runs backwards")
    for (const url of webSeeds) must(/^https?:/i.test(url), `${url} is no web seed`)
    mustEqual(parseMagnet(written(link.value)), link.value, "written anew it says something else")
  },
}

function written({ infoHash, infoHashV2, name, trackers, webSeeds, peers, selectOnly }: Magnet): string {
  const say = (key: string, value: string): string => `${key}=${encodeURIComponent(value)}`
  const ranges = selectOnly?.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
  return `magnet:?${[
    ...(infoHash === null ? [] : [say("xt", `urn:btih:${toHex(infoHash)}`)]),
    ...(infoHashV2 === null ? [] : [say("xt", `urn:btmh:1220${toHex(infoHashV2)}`)]),
    ...(name === null ? [] : [say("dn", name)]),
    ...trackers.map((url) => say("tr", url)),
    ...webSeeds.map((url) => say("ws", url)),
    ...peers.map(({ host, port }) => say("x.pe", host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`)),
    ...(ranges === undefined ? [] : [say("so", ranges.join(","))]),
  ].join("&")}`
}
