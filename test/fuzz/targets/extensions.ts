import { formatIp, parseIp } from "../../../src/bytes/ip.js"
import { ProtocolError } from "../../../src/errors.js"
import { decodeDontHave, encodeDontHave } from "../../../src/wire/dont-have.js"
import {
  decodeExtensionHandshake,
  type ExtensionHandshake,
  encodeExtensionHandshake,
} from "../../../src/wire/extension.js"
import { decodeHolepunch, encodeHolepunch, type HolepunchMessage } from "../../../src/wire/holepunch-message.js"
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
} from "../../../src/wire/metadata-message.js"
import { decodePex, encodePex } from "../../../src/wire/pex-message.js"
import { must, mustEqual, outcome, sameBytes } from "../lib/expect.js"
import { bencoded, type Target, words } from "../lib/target.js"

const METADATA = 32 << 20

/** BEP 10: what is read is within its limits, and is read the same when it is written anew. */
export const extendedHandshake: Target = {
  name: "extended-handshake",
  seeds: () => [
    encodeExtensionHandshake({
      messages: new Map([
        ["ut_metadata", 3],
        ["ut_pex", 1],
        ["lt_donthave", 0],
      ]),
      client: "libtorrent 2.0.8",
      listenPort: 6881,
      requestQueue: 500,
      yourAddress: Uint8Array.of(10, 0, 0, 1),
      uploadOnly: true,
      metadataSize: 31_235,
    }),
    ...words("d1:md11:ut_metadatai2eee", "de"),
  ],
  ...bencoded(words("m", "v", "p", "reqq", "yourip", "upload_only", "metadata_size", "ut_metadata", "ut_pex", "ipv6")),
  check(input) {
    const handshake = decodeExtensionHandshake(input)
    if (handshake === undefined) return
    const { messages, client, listenPort, requestQueue, yourAddress, metadataSize } = handshake
    must(messages.size <= 64, "it keeps too many names")
    for (const [name, id] of messages) must(id >= 0 && id <= 255 && name.length <= 128, "an extension is not possible")
    must(client === undefined || (client !== "" && client.length <= 128), "the client's name is too long")
    must(listenPort === undefined || (listenPort > 0 && listenPort < 65536), "it listens nowhere")
    must(requestQueue === undefined || (requestQueue > 0 && requestQueue <= 65536), "the queue is not possible")
    must(yourAddress === undefined || parseIp(formatIp(yourAddress)) !== undefined, "we have no such address")
    must(metadataSize === undefined || (metadataSize > 0 && metadataSize <= METADATA), "there is no such metadata")
    // Names are bytes here and texts there: those beyond ASCII would be written in another way.
    if ([...messages.keys()].some((name) => /[^ -~]/.test(name))) return
    mustEqual(
      sorted(decodeExtensionHandshake(encodeExtensionHandshake(handshake))!),
      sorted(handshake),
      "written anew it differs",
    )
  },
}

function sorted({ messages, ...rest }: ExtensionHandshake): unknown {
  return { ...rest, messages: [...messages].sort(([a], [b]) => (a < b ? -1 : 1)) }
}

/** BEP 9. */
export const utMetadata: Target = {
  name: "ut-metadata",
  seeds: () => [
    encodeMetadataRequest(0),
    encodeMetadataReject(7),
    encodeMetadataData(new Uint8Array(100).fill(0x65), 0),
    ...words("d8:msg_typei9e5:piecei0ee"),
  ],
  ...bencoded(words("msg_type", "piece", "total_size")),
  check(input) {
    const { value: message } = outcome(() => decodeMetadataMessage(input), ProtocolError)
    if (message === undefined) return
    must(Number.isSafeInteger(message.piece) && message.piece >= 0, "there is no such piece")
    if (message.kind === "data") {
      const { bytes } = message
      must(sameBytes(bytes, input.subarray(input.length - bytes.length)), "the piece is not the end of the message")
      return
    }
    const encode = message.kind === "request" ? encodeMetadataRequest : encodeMetadataReject
    mustEqual(decodeMetadataMessage(encode(message.piece)), message, "written anew it differs")
  },
}

/** BEP 11. */
export const utPex: Target = {
  name: "ut-pex",
  seeds: () => [
    encodePex({
      added: [
        { host: "192.0.2.1", port: 6881, flags: 2 },
        { host: "2001:db8::1", port: 51413, flags: 0 },
      ],
      dropped: [{ host: "198.51.100.7", port: 1 }],
    }),
    ...words(`d5:added${600 * 6}:${"abcdef".repeat(600)}e`),
  ],
  ...bencoded(words("added", "added.f", "added6", "added6.f", "dropped", "dropped6")),
  check(input) {
    const { value: message } = outcome(() => decodePex(input), ProtocolError)
    if (message === undefined) return
    must(message.added.length <= 400 && message.dropped.length <= 400, "it names too many")
    must(6 * (message.added.length + message.dropped.length) <= input.length, "it names more than it has room for")
    for (const { host, port } of [...message.added, ...message.dropped]) {
      const address = parseIp(host)
      must(address !== undefined && formatIp(address) === host, `${host} is no address`)
      must(Number.isInteger(port) && port >= 0 && port < 65536, `${port} is no port`)
    }
    // IPv4 addresses that were written as IPv6 ones change their list, and with it their place.
    const inOrder = (peers: readonly { host: string; port: number }[]) =>
      peers.map((peer) => JSON.stringify(peer)).sort()
    const again = decodePex(encodePex(message))
    if (message.added.length > 200 || message.dropped.length > 200) return
    mustEqual(inOrder(again.added), inOrder(message.added), "written anew others are added")
    mustEqual(inOrder(again.dropped), inOrder(message.dropped), "written anew others are dropped")
  },
}

/** BEP 54. */
export const dontHave: Target = {
  name: "lt-donthave",
  seeds: () => [encodeDontHave(77)],
  check(input) {
    const { value: piece } = outcome(() => decodeDontHave(input), ProtocolError)
    if (piece === undefined) must(input.length !== 4, "it is refused")
    else must(sameBytes(encodeDontHave(piece), input), "written anew it differs")
  },
  runs: 200,
}

/** BEP 55. */
export const holepunch: Target = {
  name: "ut-holepunch",
  seeds: () => [
    holepunchOf("rendezvous", "192.0.2.1", 0),
    holepunchOf("connect", "2001:db8::1", 0),
    holepunchOf("error", "::ffff:192.0.2.1", 2),
    // libtorrent's, without an error.
    holepunchOf("connect", "192.0.2.1", 0).subarray(0, 8),
  ],
  check(input) {
    const { value: message } = outcome(() => decodeHolepunch(input), ProtocolError)
    if (message === undefined) {
      const ofKnownKinds = input.length >= 2 && input[0]! <= 2 && input[1]! <= 1
      must(!ofKnownKinds || input.length < (input[1] === 0 ? 12 : 24), "it is refused")
      return
    }
    const { kind, host, port, error } = message
    const address = parseIp(host)
    must(address !== undefined && formatIp(address) === host, `${host} is no address`)
    must(Number.isInteger(port) && port >= 0 && port < 65536, `${port} is no port`)
    must(kind === "error" || error === 0, "there is an error where none can be")
    mustEqual(decodeHolepunch(encodeHolepunch(message)!), message, "written anew it differs")
  },
  runs: 1000,
}

function holepunchOf(kind: HolepunchMessage["kind"], host: string, error: number): Uint8Array {
  return encodeHolepunch({ kind, host, port: 6881, error })!
}
