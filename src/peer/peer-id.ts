import { toLatin1 } from "../bytes/text.js"
import type { Random } from "../ports/random.js"

/** Bytes of a peer id (BEP 3). */
const PEER_ID_LENGTH = 20

/** Client and version in the Azureus style (BEP 20). */
const OUR_PREFIX = "-AT0100-"

/** Two letters each, as found in swarms. */
const CLIENTS: Readonly<Record<string, string>> = {
  A2: "aria2",
  AT: "academictorrents",
  AZ: "Vuze",
  BI: "BiglyBT",
  BT: "BitTorrent",
  DE: "Deluge",
  FD: "Free Download Manager",
  GT: "anacrolix/torrent",
  KT: "KTorrent",
  LT: "libtorrent",
  MO: "MonoTorrent",
  PI: "PicoTorrent",
  RN: "rain",
  TR: "Transmission",
  TX: "Tixati",
  UM: "µTorrent Mac",
  UT: "µTorrent",
  WD: "WebTorrent Desktop",
  WW: "WebTorrent",
  XL: "Xunlei",
  lt: "rTorrent",
  qB: "qBittorrent",
  rQ: "rqbit",
}

/** A fresh id for us: who we are, and twelve random bytes. */
export function createPeerId(random: Random): Uint8Array {
  const id = new Uint8Array(PEER_ID_LENGTH)
  for (let i = 0; i < OUR_PREFIX.length; i++) id[i] = OUR_PREFIX.charCodeAt(i)
  id.set(random.bytes(PEER_ID_LENGTH - OUR_PREFIX.length), OUR_PREFIX.length)
  return id
}

/** The client that a peer id names in the Azureus style, with its version: "Transmission 3.0"; undefined when it does not. */
export function clientOf(peerId: Uint8Array): string | undefined {
  // aria2 and some others separate the parts of their version: -A2-1-36-
  const match = /^-([A-Za-z][A-Za-z0-9])(?:([0-9A-Za-z]{4})-|-(\d+)-(\d+)-)/.exec(toLatin1(peerId.subarray(0, 12)))
  if (match === null) return undefined
  const [, code = "", version, major, minor] = match
  const name = CLIENTS[code] ?? code
  return version === undefined ? `${name} ${major}.${minor}` : `${name} ${versionText(version)}`
}

/** A digit (or letter, above nine) a part; trailing zeros say nothing. */
function versionText(version: string): string {
  const parts = Array.from(version, (digit) => Number.parseInt(digit, 36))
  while (parts.length > 2 && parts.at(-1) === 0) parts.pop()
  return parts.join(".")
}
