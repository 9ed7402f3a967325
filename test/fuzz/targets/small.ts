import { parseIp } from "../../../src/bytes/ip.js"
import { ProtocolError } from "../../../src/errors.js"
import { decodeAnnounce, encodeAnnounce } from "../../../src/lsd/announce.js"
import { answerTo, isAnswerable, leadsTo, uncleCount } from "../../../src/metainfo/hash-request.js"
import { layerAbove, zeroRoot } from "../../../src/metainfo/merkle.js"
import { decodeMappingAnswer, encodeMappingRequest } from "../../../src/portmap/nat-pmp.js"
import { Socks5Handshake } from "../../../src/proxy/socks5.js"
import { decodeDatagram, encodeDatagram } from "../../../src/proxy/socks5-datagram.js"
import { decodeHandshake, encodeHandshake, HANDSHAKE_LENGTH } from "../../../src/wire/handshake.js"
import { HASH_HEADER_LENGTH, readHashHeader, writeHashHeader } from "../../../src/wire/hash-messages.js"
import { sha256 } from "../../support/torrents.js"
import { Choices } from "../lib/choices.js"
import { must, mustEqual, outcome, sameBytes } from "../lib/expect.js"
import { type Target, words } from "../lib/target.js"

/** BEP 3. */
export const handshake: Target = {
  name: "handshake",
  seeds: () => [encodeHandshake(new Uint8Array(20).fill(1), new Uint8Array(20).fill(2), { v2: true, dht: true })],
  words: words("\x13BitTorrent protocol"),
  check(input) {
    if (input.length < HANDSHAKE_LENGTH) return
    const { value: read } = outcome(() => decodeHandshake(input), ProtocolError)
    if (read === undefined) return
    must(read.infoHash.length === 20 && read.peerId.length === 20, "an id has another length")
    const offers = [
      (input[25]! & 0x10) !== 0,
      (input[27]! & 4) !== 0,
      (input[27]! & 0x10) !== 0,
      (input[27]! & 1) !== 0,
    ]
    mustEqual([read.extended, read.fast, read.v2, read.dht], offers, "the bits mean something else")
    const again = decodeHandshake(encodeHandshake(read.infoHash, read.peerId, read))
    mustEqual(
      { ...again, extended: true, fast: true },
      { ...read, extended: true, fast: true },
      "written anew it differs",
    )
  },
  runs: 500,
}

/** The layers of a tree of 64 leaves, from these up. */
const LAYERS: Uint8Array[] = [Uint8Array.from({ length: 64 * 32 }, (_, i) => i * 13 + (i >> 5))]
for (let height = 0; height < 6; height++) LAYERS.push(layerAbove(LAYERS[height]!, height, sha256))
const ROOT = LAYERS[6]!

/** BEP 52: what can be answered is answered with hashes that lead to the root, and no others do. */
export const hashRequest: Target = {
  name: "hash-request",
  seeds: () => [header(0, 8, 4, 5), header(2, 0, 16, 3), header(5, 1, 1, 0), header(0, 0, 64, 5)],
  check(input) {
    if (input.length < HASH_HEADER_LENGTH) return
    const request = readHashHeader(input)
    const copy = new Uint8Array(HASH_HEADER_LENGTH)
    writeHashHeader(copy, 0, request)
    must(sameBytes(copy, input.subarray(0, HASH_HEADER_LENGTH)), "written anew it differs")
    if (!isAnswerable(request, 6)) return
    const { length, proofLayers, base } = request
    must(length <= 64 && proofLayers < 6 - base, "it can be answered and asks for what is not there")
    const node = (height: number, index: number): Uint8Array | undefined =>
      LAYERS[height]?.subarray(index * 32, (index + 1) * 32) ?? zeroRoot(height, sha256)
    const hashes = answerTo(request, node)
    must(hashes !== undefined && hashes.length === 32 * (length + uncleCount(request)), "the answer has another length")
    const above = base + Math.log2(length) + uncleCount(request)
    const proven = LAYERS[above]!.subarray(32 * Math.floor((request.index / length) >> uncleCount(request)))
    must(leadsTo(proven.subarray(0, 32), request, hashes, sha256), "the answer does not lead to the root")
    if (above === 6) must(sameBytes(proven, ROOT), "the root is another")
    // The rest of the input spoils a byte.
    const choices = new Choices(input.subarray(HASH_HEADER_LENGTH))
    if (choices.left === 0) return
    const at = choices.uint16() % hashes.length
    hashes[at]! ^= 1 + choices.below(255)
    must(!leadsTo(proven.subarray(0, 32), request, hashes, sha256), "a wrong hash leads to the root, too")
  },
  runs: 1000,
}

function header(base: number, index: number, length: number, proofLayers: number): Uint8Array {
  const bytes = new Uint8Array(HASH_HEADER_LENGTH + 3).fill(9)
  writeHashHeader(bytes, 0, { root: ROOT, base, index, length, proofLayers })
  return bytes
}

/** RFC 6886. */
export const natPmp: Target = {
  name: "nat-pmp",
  seeds: () => [
    Uint8Array.of(0, 130, 0, 0, 0, 0, 0, 9, 26, 225, 26, 225, 0, 0, 28, 32),
    Uint8Array.of(0, 129, 0, 2),
    encodeMappingRequest({ protocol: "tcp", port: 6881, outerPort: 6881, lifetime: 7200 }),
  ],
  check(input) {
    for (const protocol of ["tcp", "udp"] as const) {
      const answer = decodeMappingAnswer(input, { protocol, port: 6881 })
      if (answer?.kind === "refused") must(answer.reason !== "", "it gives no reason")
      if (answer?.kind !== "mapped") continue
      const { outerPort, lifetime } = answer
      must(outerPort > 0 && outerPort < 65536 && lifetime >= 0 && lifetime < 2 ** 32, "there is no such mapping")
      must(input[8] === 26 && input[9] === 225, "it is of another port")
    }
  },
  runs: 500,
}

/** RFC 1928: a proxy's words, in any parts. */
export const socks5: Target = {
  name: "socks5",
  seeds: () => [
    Uint8Array.of(2, 5, 0, 5, 0, 0, 1, 1, 2, 3, 4, 0, 80),
    Uint8Array.of(10, 5, 2, 1, 0, 5, 0, 0, 3, 2, 0x61, 0x62, 0, 80, 99),
    Uint8Array.of(1, 5, 0xff),
  ],
  check(input) {
    const choices = new Choices(input)
    const proxy = new Socks5Handshake({ host: "example.org", port: 80 }, { user: "u", password: "p" })
    let come = 0
    while (choices.left > 0) {
      const part = choices.take(1 + choices.byte())
      come += part.length
      const step = proxy.read(part)
      if (step.kind === "refused") must(step.reason !== "", "it gives no reason")
      if (step.kind === "open") must(step.end >= 0 && step.end <= part.length, "the answer ends outside")
      if (step.kind !== "more") return
      must(come <= 2 + 2 + 262, "it gathers for ever")
    }
  },
  runs: 1000,
}

/** RFC 1928, 7: what a proxy's relay hands on. */
export const socks5Datagram: Target = {
  name: "socks5-datagram",
  seeds: () =>
    ["192.0.2.1", "2001:db8::1", "a.example", ""].map((host) => {
      const datagram = encodeDatagram({ host: host || "x", port: 6969 }, Uint8Array.of(1, 2, 3))
      return host === "" ? datagram.with(4, 0) : datagram
    }),
  words: [Uint8Array.of(0, 0, 0, 1), Uint8Array.of(0, 0, 0, 3), Uint8Array.of(0, 0, 0, 4), Uint8Array.of(0, 0, 1)],
  check(input) {
    const read = decodeDatagram(input)
    if (read === undefined) return
    const { from, payload } = read
    must(from.port >= 0 && from.port < 65536, "there is no such port")
    must(payload.length <= input.length - 7, "it has more than came")
    must(sameBytes(payload, input.subarray(input.length - payload.length)), "the payload is another")
    // A name may be any bytes, or an address in letters, which are not written as they were read.
    const { value: again } = outcome(() => encodeDatagram(from, payload), ProtocolError)
    if (again === undefined || (input[3] === 3 && parseIp(from.host) !== undefined)) return
    mustEqual(decodeDatagram(again), read, "written anew it differs")
  },
}

/** BEP 14: what anybody in the local network says. */
export const lsd: Target = {
  name: "lsd",
  seeds: () => [
    encodeAnnounce("239.192.152.143:6771", { port: 6881, infoHashes: [ROOT.slice(0, 20)], cookie: "a b" }),
    encodeAnnounce("[ff15::efc0:988f]:6771", {
      port: 1,
      infoHashes: LAYERS.map((l) => l.slice(0, 20)),
      cookie: undefined,
    }),
  ],
  words: words("BT-SEARCH * HTTP/1.1\r\n", "\r\n", "Port: ", "Infohash: ", "cookie: ", ":", "99999", "ab".repeat(20)),
  check(input) {
    const announce = decodeAnnounce(input)
    if (announce === undefined) return
    const { port, infoHashes, cookie = "" } = announce
    must(port >= 1 && port <= 65535, "nobody listens there")
    must(infoHashes.length > 0 && 40 * infoHashes.length < input.length, "it names more torrents than it has room for")
    must(
      infoHashes.every(({ length }) => length === 20),
      "an infohash has another length",
    )
    // Other cookies are not written as they were read.
    if (!/^([!-~]([ -~]*[!-~])?)?$/.test(cookie) || infoHashes.length > 20) return
    mustEqual(decodeAnnounce(encodeAnnounce("x", announce)), announce, "written anew it differs")
  },
}
