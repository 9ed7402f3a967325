import { formatIp, parseIp } from "../bytes/ip.js"
import { ipScope } from "../bytes/ip-scope.js"
import { toLatin1 } from "../bytes/text.js"
import { encodePercents } from "../bytes/url.js"
import { ProtocolError } from "../errors.js"
import { asDictionary, type BencodeDictionary, decodePrefix } from "../metainfo/bencode.js"
import {
  type AnnounceAnswer,
  type AnnounceOutcome,
  type AnnounceRequest,
  failed,
  messageText,
  type RetryWish,
  type TrackerFailure,
} from "./announce.js"
import { PeerList } from "./peer-list.js"

/** What trackers are told of encrypted connections, so that they name peers who can have them (Vuze, libtorrent). */
export type EncryptionSupport = "none" | "supported" | "required"

const ENCRYPTION_FIELDS: Readonly<Record<EncryptionSupport, readonly string[]>> = {
  none: [],
  supported: ["supportcrypto=1"],
  // Some trackers know the first alone (Transmission sends both, too).
  required: ["supportcrypto=1", "requirecrypto=1"],
}

/** The URL of an announce (BEP 3): the tracker's own, whose arguments (a passkey) stay, and ours. */
export function announceUrl(tracker: string, request: AnnounceRequest, encryption: EncryptionSupport = "none"): string {
  const { stats } = request
  const event = saysPaused(request) ? "paused" : request.event
  const fields = [
    `info_hash=${encodePercents(request.infoHash)}`,
    `peer_id=${encodePercents(request.peerId)}`,
    `port=${stats.port}`,
    `uploaded=${count(stats.uploaded)}`,
    `downloaded=${count(stats.downloaded)}`,
    `left=${count(stats.left)}`,
    "compact=1",
    "no_peer_id=1",
    `key=${(request.key >>> 0).toString(16).padStart(8, "0")}`,
    `numwant=${event === "stopped" ? 0 : count(stats.numWant)}`,
    ...ENCRYPTION_FIELDS[encryption],
  ]
  if (event !== "none") fields.push(`event=${event}`)
  if (request.trackerId !== undefined) fields.push(`trackerid=${encodePercents(request.trackerId)}`)
  return withArguments(tracker, fields.join("&"))
}

/**
 * Whether we say that we are a partial seed (BEP 21). An event that the tracker must hear is not replaced by that (as in
 * libtorrent). UDP has no number for it (BEP 15).
 */
export function saysPaused({ event, stats }: AnnounceRequest): boolean {
  return stats.partialSeed === true && event === "none"
}

/** A URL with more arguments behind those it has. */
export function withArguments(url: string, fields: string): string {
  const query = url.indexOf("?")
  if (query < 0) return `${url}?${fields}`
  // Only the first question mark is none of an argument.
  return query === url.length - 1 || url.endsWith("&") ? url + fields : `${url}&${fields}`
}

/**
 * The body of a tracker's answer (BEP 3, 7, 23, 24, 31, 48): lenient, since trackers are written in every language by
 * everybody. Never throws.
 */
export function parseHttpAnswer(body: Uint8Array): AnnounceOutcome {
  const dictionary = decodeAnswer(body)
  if (typeof dictionary === "string") return failed(dictionary)
  const failure = failureOf(dictionary)
  if (failure !== undefined) return failure
  if (!["interval", "peers", "peers6"].some((key) => dictionary.has(key))) {
    return failed("the answer has neither peers nor an interval")
  }
  const list = new PeerList()
  list.addValue(dictionary.get("peers"), 4)
  list.addValue(dictionary.get("peers6"), 6)
  const answer: AnnounceAnswer = {
    peers: list.peers,
    interval: natural(dictionary, "interval"),
    minInterval: natural(dictionary, "min interval"),
    seeds: natural(dictionary, "complete"),
    leechers: natural(dictionary, "incomplete"),
    warning: message(dictionary, "warning message"),
    trackerId: dictionary.bytes("tracker id")?.slice(),
    externalAddress: externalAddress(dictionary.bytes("external ip")),
  }
  return { kind: "answered", answer }
}

/** The dictionary that a tracker answered with, or why there is none. */
export function decodeAnswer(body: Uint8Array): BencodeDictionary | string {
  if (body[0] === 0x1f && body[1] === 0x8b) return "the answer is compressed with gzip, which was not asked for"
  try {
    // Some trackers write a line feed after the value.
    return asDictionary(decodePrefix(body).value) ?? "the answer is not a dictionary"
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return body.length === 0 ? "the answer is empty" : `the answer is not bencode: ${error.message}`
  }
}

/** `failure reason` with `retry in` (BEP 31), if the tracker said so. */
export function failureOf(dictionary: BencodeDictionary): TrackerFailure | undefined {
  const reason = dictionary.get("failure reason")
  if (reason === undefined) return undefined
  return failed(message(dictionary, "failure reason") ?? "the tracker gave no reason", retryWish(dictionary))
}

/** A whole number from 0 on; PHP writes numbers as strings. */
export function natural(dictionary: BencodeDictionary, key: string): number | undefined {
  const text = dictionary.text(key)
  const value = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : dictionary.integer(key)
  return value !== undefined && value >= 0 ? value : undefined
}

function message(dictionary: BencodeDictionary, key: string): string | undefined {
  return messageText(dictionary.text(key))
}

function retryWish(dictionary: BencodeDictionary): RetryWish | undefined {
  if (dictionary.text("retry in") === "never") return "never"
  const minutes = natural(dictionary, "retry in")
  return minutes === undefined ? undefined : minutes * 60_000
}

/** BEP 24 asks for 4 or 16 raw bytes; some trackers write text. */
function externalAddress(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || bytes.length > 45) return undefined
  const address = bytes.length === 4 || bytes.length === 16 ? bytes : parseIp(toLatin1(bytes))
  return address === undefined || ipScope(address) === "refused" ? undefined : formatIp(address)
}

function count(value: number): string {
  return String(Math.min(Math.max(Math.trunc(value), 0), Number.MAX_SAFE_INTEGER))
}
