import { encodeUtf8, toLatin1 } from "../bytes/text.js"
import type { Endpoint } from "../ports/net.js"

/** Where devices listen (UPnP Device Architecture 1.1, 1.3.2). */
export const SSDP_GROUP: Endpoint = { host: "239.255.255.250", port: 1900 }

/** Bytes of an answer at most: it is a dozen headers. */
const MAX_ANSWER = 2048

/** Asks for Internet gateways of this version; those of version 2 answer to 1, too. */
export function encodeSearch(version: 1 | 2): Uint8Array {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    `HOST: ${SSDP_GROUP.host}:${SSDP_GROUP.port}`,
    'MAN: "ssdp:discover"',
    // Seconds within which to answer.
    "MX: 1",
    `ST: urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`,
  ]
  return encodeUtf8(`${lines.join("\r\n")}\r\n\r\n`)
}

/** Where the device that answers describes itself; undefined: it is no such answer. */
export function decodeSearchAnswer(datagram: Uint8Array): string | undefined {
  if (datagram.length > MAX_ANSWER) return undefined
  const [status = "", ...lines] = toLatin1(datagram).split(/\r\n?|\n/)
  if (!/^HTTP\/1\.\d 200\b/i.test(status)) return undefined
  for (const line of lines) {
    if (line === "") break
    const colon = line.indexOf(":")
    if (line.slice(0, Math.max(colon, 0)).trim().toLowerCase() === "location") return line.slice(colon + 1).trim()
  }
  return undefined
}
