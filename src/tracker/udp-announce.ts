import type { Family } from "../bytes/ip.js"
import { decodeUtf8Lenient, encodeUtf8 } from "../bytes/text.js"
import {
  type AnnounceAnswer,
  type AnnounceEvent,
  type AnnounceRequest,
  messageText,
  type ScrapeCounts,
} from "./announce.js"
import { PeerList } from "./peer-list.js"

/** BEP 15: the number that says what protocol this is. */
const PROTOCOL_ID = 0x41727101980n

export const UDP_ACTION = { connect: 0, announce: 1, scrape: 2, error: 3 } as const

const EVENT_NUMBERS: Readonly<Record<AnnounceEvent, number>> = { none: 0, completed: 1, started: 2, stopped: 3 }

/** BEP 41. */
const URL_DATA_OPTION = 2
const MAX_OPTION_LENGTH = 255

/** The request that asks for a connection id. */
export function encodeConnect(transactionId: number): Uint8Array {
  const { bytes, view } = packet(16)
  view.setBigUint64(0, PROTOCOL_ID)
  view.setUint32(8, UDP_ACTION.connect)
  view.setUint32(12, transactionId)
  return bytes
}

/** An announce. `urlData` is the path and query of the tracker's URL, sent as BEP 41 options; none when it is "". */
export function encodeAnnounce(
  connectionId: bigint,
  transactionId: number,
  request: AnnounceRequest,
  urlData: string,
): Uint8Array {
  const options = urlDataOptions(urlData)
  const { bytes, view } = packet(98 + options.length)
  const { stats, event } = request
  view.setBigUint64(0, connectionId)
  view.setUint32(8, UDP_ACTION.announce)
  view.setUint32(12, transactionId)
  bytes.set(request.infoHash, 16)
  bytes.set(request.peerId, 36)
  view.setBigUint64(56, unsigned(stats.downloaded))
  view.setBigUint64(64, unsigned(stats.left))
  view.setBigUint64(72, unsigned(stats.uploaded))
  view.setUint32(80, EVENT_NUMBERS[event])
  // 84: the IP address. 0 stands for the one the packet comes from; another would make us a tool for attacks (BEP 7).
  view.setUint32(88, request.key)
  view.setInt32(92, event === "stopped" ? 0 : stats.numWant)
  view.setUint16(96, stats.port)
  bytes.set(options, 98)
  return bytes
}

/** A scrape of one torrent. */
export function encodeScrape(connectionId: bigint, transactionId: number, infoHash: Uint8Array): Uint8Array {
  const { bytes, view } = packet(36)
  view.setBigUint64(0, connectionId)
  view.setUint32(8, UDP_ACTION.scrape)
  view.setUint32(12, transactionId)
  bytes.set(infoHash, 16)
  return bytes
}

/** What every answer starts with; undefined when it is too short for that. */
export function decodeHeader(datagram: Uint8Array): { action: number; transactionId: number } | undefined {
  if (datagram.length < 8) return undefined
  const view = viewOf(datagram)
  return { action: view.getUint32(0), transactionId: view.getUint32(4) }
}

/** The connection id of a connect answer; undefined when it is too short. */
export function decodeConnect(datagram: Uint8Array): bigint | undefined {
  return datagram.length < 16 ? undefined : viewOf(datagram).getBigUint64(8)
}

/** An announce's answer. The family is that of the socket: it tells how long an address is (BEP 15). */
export function decodeAnnounce(datagram: Uint8Array, family: Family): AnnounceAnswer | undefined {
  if (datagram.length < 20) return undefined
  const view = viewOf(datagram)
  const list = new PeerList()
  list.addCompact(datagram.subarray(20), family)
  return {
    peers: list.peers,
    interval: Math.max(view.getInt32(8), 0),
    leechers: view.getUint32(12),
    seeds: view.getUint32(16),
  }
}

/** The counts of the one torrent that was asked for. */
export function decodeScrape(datagram: Uint8Array): ScrapeCounts | undefined {
  if (datagram.length < 20) return undefined
  const view = viewOf(datagram)
  return { seeds: view.getUint32(8), downloads: view.getUint32(12), leechers: view.getUint32(16) }
}

/** What an error answer says. */
export function decodeError(datagram: Uint8Array): string {
  return messageText(decodeUtf8Lenient(datagram.subarray(8))) ?? "the tracker gave no reason"
}

function urlDataOptions(urlData: string): Uint8Array {
  const data = encodeUtf8(urlData)
  const count = Math.ceil(data.length / MAX_OPTION_LENGTH)
  const options = new Uint8Array(data.length + 2 * count)
  for (let at = 0, end = 0; at < data.length; at += MAX_OPTION_LENGTH) {
    const part = data.subarray(at, at + MAX_OPTION_LENGTH)
    options[end] = URL_DATA_OPTION
    options[end + 1] = part.length
    options.set(part, end + 2)
    end += 2 + part.length
  }
  return options
}

function unsigned(value: number): bigint {
  return BigInt(Math.min(Math.max(Math.trunc(value), 0), Number.MAX_SAFE_INTEGER))
}

function packet(length: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(length)
  return { bytes, view: viewOf(bytes) }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
