const BLOCK = 16_384
const [UNCHOKE, INTERESTED, HAVE, BITFIELD, REQUEST, PIECE, HAVE_ALL, HAVE_NONE] = [1, 2, 4, 5, 6, 7, 14, 15]
const HANDSHAKE_LENGTH = 68

/** A peer that gives what it is asked for: a connection as the engine sees it, and who is behind it (BEP 3, BEP 6). */
export class FakePeer {
  bufferedBytes = 0
  #listener
  #metainfo
  #has
  #answers = []
  #greeted = false

  /** `has`: "all", "none", or which pieces. */
  constructor(remote, listener, metainfo, has) {
    this.remote = remote
    this.#listener = listener
    this.#metainfo = metainfo
    this.#has = has
    this.#answers.push(() => listener.onOpen())
  }

  /** What we send: whole messages, after the handshake. */
  write(chunk) {
    let at = 0
    if (!this.#greeted) {
      this.#greeted = true
      this.#answers.push(() => this.#greet(chunk))
      at = HANDSHAKE_LENGTH
    }
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (; at < chunk.length; at += 4 + view.getUint32(at)) {
      if (view.getUint32(at) > 0 && chunk[at + 4] === REQUEST)
        this.#answers.push(block(view.getUint32(at + 5), view.getUint32(at + 9), view.getUint32(at + 13)))
    }
    return true
  }

  pause() {}
  resume() {}
  destroy() {}

  /** Sends what it owes. False when that was nothing. */
  deliver() {
    const answers = this.#answers
    this.#answers = []
    for (const answer of answers) {
      if (typeof answer === "function") answer()
      else this.#listener.onData(fill(answer))
    }
    return answers.length > 0
  }

  have(piece) {
    this.#listener.onData(message(HAVE, uint32(piece)))
  }

  #greet(handshake) {
    const { pieceCount } = this.#metainfo.layout
    const answer = Buffer.from(handshake.subarray(0, HANDSHAKE_LENGTH))
    answer.set(Buffer.from(this.remote.host.padEnd(20, "-")), 48)
    this.#listener.onData(answer)
    if (this.#has === "all") this.#listener.onData(message(HAVE_ALL))
    else if (this.#has === "none") this.#listener.onData(message(HAVE_NONE))
    else {
      const bits = Buffer.alloc(Math.ceil(pieceCount / 8))
      for (let piece = 0; piece < pieceCount; piece++) if (this.#has(piece)) bits[piece >> 3] |= 0x80 >> (piece & 7)
      this.#listener.onData(message(BITFIELD, bits))
    }
    this.#listener.onData(message(UNCHOKE))
    if (this.#has !== "all") this.#listener.onData(message(INTERESTED))
  }
}

function block(piece, begin, length) {
  return { piece, begin, length }
}

const buffer = Buffer.alloc(13 + BLOCK)
buffer[4] = PIECE

function fill({ piece, begin, length }) {
  buffer.writeUInt32BE(9 + length, 0)
  buffer.writeUInt32BE(piece, 5)
  buffer.writeUInt32BE(begin, 9)
  return buffer.subarray(0, 13 + length)
}

function message(id, payload = Buffer.alloc(0)) {
  return Buffer.concat([uint32(1 + payload.length), Buffer.of(id), payload])
}

function uint32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
