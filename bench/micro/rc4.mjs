import { join } from "node:path"
import { milliseconds } from "./clock.mjs"

const TOTAL = 64 * 2 ** 20
/** A request, a block, and what a fast socket gives at once. */
const CHUNKS = [17, 16_384, 262_144]
const CONNECTIONS = 80
const EXCHANGES = 100

/** The cipher of encrypted connections, on one of them and on many in turn; and what their handshake takes. */
export async function rc4(dist) {
  const { Rc4 } = await import(join(dist, "wire/rc4.js"))
  const { publicKey, sharedSecret } = await import(join(dist, "wire/diffie-hellman.js"))
  const key = new Uint8Array(20).fill(7)
  const rows = CHUNKS.map((length) => {
    const cipher = new Rc4(key, 1024)
    // Behind a header, as blocks are.
    const chunk = new Uint8Array(length + 13).subarray(13)
    const count = Math.floor(Math.min(TOTAL, length * 1e6) / length)
    const ms = milliseconds(() => {
      for (let i = 0; i < count; i++) cipher.apply(chunk)
    })
    return { what: `chunks of ${length} bytes`, value: (count * length) / 1e3 / ms, unit: "MB/s" }
  })

  const ciphers = Array.from({ length: CONNECTIONS }, () => new Rc4(key, 1024))
  const block = new Uint8Array(16_384)
  const ms = milliseconds(() => {
    for (let i = 0; i < TOTAL / block.length; i++) ciphers[i % CONNECTIONS].apply(block)
  })
  rows.push({ what: `blocks of ${CONNECTIONS} connections`, value: TOTAL / 1e3 / ms, unit: "MB/s" })

  const theirs = publicKey(new Uint8Array(20).fill(9))
  const exchanges = milliseconds(() => {
    for (let i = 0; i < EXCHANGES; i++) {
      const ours = new Uint8Array(20).fill(i + 1)
      publicKey(ours)
      sharedSecret(theirs, ours)
    }
  })
  rows.push({ what: "key exchange", value: exchanges / EXCHANGES, unit: "ms" })
  return rows
}
