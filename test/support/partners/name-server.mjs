// A name server at 127.0.0.1:53 that leads every name to one address, but says no word of names that match a pattern.
import { createSocket } from "node:dgram"

const [address, silent] = process.argv.slice(2)
const host = Buffer.from(address.split(".").map(Number))
const IPV4 = 1
/** Before the question: id, flags, counts. */
const HEAD = 12
/** The name of the question, 16 bits each of type (A) and class (IN), 32 of the seconds it holds, 16 of length. */
const RECORD = Buffer.from("c00c000100010000003c0004", "hex")

const socket = createSocket("udp4")
socket.on("message", (query, from) => {
  const labels = []
  let at = HEAD
  for (; query[at] !== 0; at += 1 + query[at]) labels.push(query.toString("latin1", at + 1, at + 1 + query[at]))
  if (new RegExp(silent).test(labels.join("."))) return
  const has = query.readUInt16BE(at + 1) === IPV4
  const head = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, has ? 1 : 0, 0, 0, 0, 0])
  const records = has ? [RECORD, host] : []
  socket.send(Buffer.concat([head, query.subarray(HEAD, at + 5), ...records]), from.port, from.address)
})
socket.bind(53, "127.0.0.1", () => console.log("listening"))
