import type { Target } from "../lib/target.js"
import { bencode } from "./bencode.js"
import { dhtNode } from "./dht-node.js"
import { dontHave, extendedHandshake, holepunch, utMetadata, utPex } from "./extensions.js"
import { httpAnswer, webSeed } from "./http.js"
import { inventory } from "./inventory.js"
import { journal, journalRecords } from "./journal.js"
import { krpc, savedNodes } from "./krpc.js"
import { magnet } from "./magnet.js"
import { metainfo } from "./metainfo.js"
import { mse } from "./mse.js"
import { metadataPeer, peerSession } from "./peer.js"
import { safePath } from "./safe-path.js"
import { handshake, hashRequest, lsd, natPmp, socks5, socks5Datagram } from "./small.js"
import { httpTracker, trackerUrl, udpTracker } from "./trackers.js"
import { upnp } from "./upnp.js"
import { utpPacket, utpSocket } from "./utp.js"
import { wire } from "./wire.js"

export const TARGETS: readonly Target[] = [
  ...[bencode, metainfo, safePath, magnet],
  ...[handshake, wire, extendedHandshake, utMetadata, utPex, dontHave, holepunch, hashRequest, mse],
  ...[peerSession, metadataPeer],
  ...[krpc, dhtNode, savedNodes],
  ...[httpTracker, udpTracker, trackerUrl],
  ...[httpAnswer, webSeed, journal, journalRecords, inventory],
  ...[utpPacket, utpSocket, natPmp, upnp, lsd, socks5, socks5Datagram],
]
