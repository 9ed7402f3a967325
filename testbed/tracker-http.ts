import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { type BencodableDictionary, encode, Raw } from "./bencode.js"
import { inUrl, listen } from "./listen.js"
import type { TrackerKnobs } from "./tracker.js"
import { type Announce, compactPeers, type Swarm, type TrackerPeer } from "./tracker-swarm.js"

/** The tracker's HTTP half: `/announce…` and `/scrape…`. */
export async function createHttpTracker(
  swarm: Swarm,
  knobs: TrackerKnobs,
  host: string,
  port: number,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    answer(swarm, knobs, request, response).catch(() => response.destroy())
  })
  const listening = await listen(server, host, port)
  return { url: `http://${inUrl(host)}:${listening.port}/announce.php`, close: () => listening.close() }
}

async function answer(
  swarm: Swarm,
  knobs: TrackerKnobs,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = request.url ?? "/"
  const query = parseQuery(url)
  const scrape = url.startsWith("/scrape")
  if (!scrape && !url.startsWith("/announce")) {
    response.writeHead(404).end()
    return
  }
  const body = scrape ? scrapeAnswer(swarm, query) : announceAnswer(swarm, knobs, url, query, request)
  if (knobs.delay > 0) await sleep(knobs.delay)
  switch (knobs.answer) {
    case "hang-up":
      response.destroy()
      return
    case "silent":
      return
    case "garbage":
      response.end(Buffer.from("d8:intervali18"))
      return
    case "html":
      response.setHeader("content-type", "text/html")
      response.end("<!doctype html><title>Just a moment</title>")
      return
    case "error":
      response.writeHead(500).end("the tracker is ill")
      return
    case "failure":
      response.end(encode({ "failure reason": knobs.reason || "refused", "retry in": knobs.retryIn }))
      return
    case "peers":
    case "stranger":
      response.setHeader("content-type", "text/plain")
      response.end(encode(body))
  }
}

function announceAnswer(
  swarm: Swarm,
  knobs: TrackerKnobs,
  url: string,
  query: ReadonlyMap<string, Buffer[]>,
  request: IncomingMessage,
): BencodableDictionary {
  const bytes = (key: string): Buffer | undefined => query.get(key)?.[0]
  const text = (key: string): string | undefined => bytes(key)?.toString()
  const number = (key: string): number | undefined => {
    const value = text(key)
    return value === undefined ? undefined : Number(value)
  }
  const infoHash = bytes("info_hash")
  const port = number("port")
  if (infoHash?.length !== 20) return { "failure reason": `Invalid info_hash (${infoHash?.length ?? 0} - )` }
  if (bytes("peer_id")?.length !== 20) return { "failure reason": "Invalid peer_id" }
  if (port === undefined || !(port >= 0 && port < 65536)) return { "failure reason": "Invalid port" }
  const event = text("event")
  const announce: Announce = {
    via: "http",
    infoHash: infoHash.toString("hex"),
    peerId: bytes("peer_id")!.toString("hex"),
    host: (request.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
    port,
    event: event === "started" || event === "stopped" || event === "completed" ? event : "none",
    uploaded: number("uploaded") ?? 0,
    downloaded: number("downloaded") ?? 0,
    left: number("left"),
    key: text("key"),
    numwant: number("numwant"),
    compact: text("compact") === "1",
    url,
    userAgent: request.headers["user-agent"],
    at: performance.now(),
  }
  const peers = swarm.announce(announce)
  return {
    complete: swarm.complete(announce.infoHash),
    incomplete: swarm.incomplete(announce.infoHash),
    interval: knobs.interval,
    "min interval": knobs.minInterval,
    "warning message": knobs.reason === "" ? undefined : knobs.reason,
    ...(knobs.form === "compact" ? compactForm(peers) : { peers: peers.map(dictionaryForm) }),
  }
}

function compactForm(peers: readonly TrackerPeer[]): BencodableDictionary {
  const peers6 = compactPeers(peers, 6)
  return { peers: compactPeers(peers, 4), peers6: peers6.length === 0 ? undefined : peers6 }
}

function dictionaryForm(peer: TrackerPeer): BencodableDictionary {
  return { ip: peer.host, "peer id": Buffer.from(peer.peerId ?? "00".repeat(20), "hex"), port: peer.port }
}

/** One infohash a request, as the service does: the others are silently dropped. */
function scrapeAnswer(swarm: Swarm, query: ReadonlyMap<string, Buffer[]>): BencodableDictionary {
  const hashes = query.get("info_hash") ?? []
  swarm.scrapes.push(hashes.map((hash) => hash.toString("hex")))
  const first = hashes[0]
  if (first?.length !== 20) return { "failure reason": "Invalid info_hash" }
  const infoHash = first.toString("hex")
  // A dictionary whose keys are raw bytes: written by hand, because the encoder's keys are UTF-8.
  return { files: rawDictionary(first, swarm, infoHash) }
}

function rawDictionary(key: Buffer, swarm: Swarm, infoHash: string): Raw {
  const value = encode({
    complete: swarm.complete(infoHash),
    downloaded: swarm.completed(infoHash),
    incomplete: swarm.incomplete(infoHash),
  })
  return new Raw(Buffer.concat([Buffer.from("d20:"), key, value, Buffer.from("e")]))
}

/** Percent-encoding stands for raw bytes here, so that URLSearchParams, which means UTF-8, would spoil it. */
function parseQuery(url: string): Map<string, Buffer[]> {
  const found = new Map<string, Buffer[]>()
  const mark = url.indexOf("?")
  if (mark < 0) return found
  for (const pair of url.slice(mark + 1).split("&")) {
    const equals = pair.indexOf("=")
    const key = equals < 0 ? pair : pair.slice(0, equals)
    const value = equals < 0 ? "" : pair.slice(equals + 1)
    const bytes = Buffer.from(
      value
        .replace(/\+/g, " ")
        .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      "latin1",
    )
    found.set(key, [...(found.get(key) ?? []), bytes])
  }
  return found
}
