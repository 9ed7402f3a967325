/** What a packet is for (BEP 29). */
export const UTP_TYPE = { data: 0, fin: 1, state: 2, reset: 3, syn: 4 } as const
export type UtpType = (typeof UTP_TYPE)[keyof typeof UTP_TYPE]

/** Bytes of a header without extensions. */
export const UTP_HEADER = 20
const VERSION = 1
const SELECTIVE_ACK = 1
/** Old µTorrents mean "none yet" by this difference of timestamps. */
const NO_DIFFERENCE = 0x7fff_ffff
/** Bytes of a header with extensions at most: one of each kind that is known, the longest, and some to spare. */
const MAX_HEADER = 512

/** What a header says, and where the rest of the packet lies. One object is used again and again. */
export class UtpPacket {
  type: UtpType = UTP_TYPE.state
  connectionId = 0
  /** Microseconds of the sender's clock, modulo 2^32. */
  timestamp = 0
  /** What the sender measured of our last packet: its clock less our timestamp. 0: it has none yet. */
  timestampDifference = 0
  /** Bytes the sender can still take. */
  window = 0
  sequence = 0
  /** The last sequence number up to which the sender has all. */
  ack = 0
  datagram: Uint8Array = new Uint8Array(0)
  /** The selective ack's bits lie at `datagram[sackAt]`; bit 0 stands for `ack + 2`. */
  sackAt = 0
  /** Bytes; 0: there is none. */
  sackLength = 0
  payloadAt = 0

  get payloadLength(): number {
    return this.datagram.length - this.payloadAt
  }

  /** What the sender measured of our last packet: its clock less our timestamp. Undefined: it has nothing yet. */
  get measured(): number | undefined {
    const difference = this.timestampDifference
    return difference === 0 || difference === NO_DIFFERENCE ? undefined : difference
  }

  /**
   * Microseconds of our clock, modulo 2^32: what came here before this was sent had been sent by us then, or earlier. (The sender's clock when it
   * answered, less its clock when it got our last packet and that one's timestamp: later by as much as it waited.) Undefined: not known.
   */
  get answers(): number | undefined {
    return this.measured === undefined ? undefined : (this.timestamp - this.measured) >>> 0
  }

  /** Takes a datagram in, as a view. False: it is no uTP packet, and the fields mean nothing. */
  read(datagram: Uint8Array): boolean {
    if (datagram.length < UTP_HEADER) return false
    const first = datagram[0] as number
    if ((first & 15) !== VERSION || first >> 4 > UTP_TYPE.syn) return false
    this.type = (first >> 4) as UtpType
    this.connectionId = read16(datagram, 2)
    this.timestamp = read32(datagram, 4)
    this.timestampDifference = read32(datagram, 8)
    this.window = read32(datagram, 12)
    this.sequence = read16(datagram, 16)
    this.ack = read16(datagram, 18)
    this.datagram = datagram
    return this.#readExtensions(datagram)
  }

  /** Whether the selective ack says that `ack + 2 + bit` arrived. */
  sacked(bit: number): boolean {
    return (((this.datagram[this.sackAt + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1
  }

  /** Extensions form a chain: each says of which kind the next is, and how long it is itself. Unknown ones are skipped. */
  #readExtensions(datagram: Uint8Array): boolean {
    let kind = datagram[1] as number
    let at = UTP_HEADER
    this.sackLength = 0
    while (kind !== 0) {
      if (at + 2 > datagram.length) return false
      const next = datagram[at] as number
      const length = datagram[at + 1] as number
      at += 2
      if (at + length > datagram.length) return false
      if (kind === SELECTIVE_ACK) {
        // BEP 29 wants a multiple of four bytes; libtorrent sends as many as it needs.
        this.sackAt = at
        this.sackLength = length
      }
      kind = next
      at += length
    }
    this.payloadAt = at
    // Payloads are kept as views: behind a long header a short one would hold a whole datagram.
    return at <= MAX_HEADER
  }
}

/** The fields of a header that stay as they are, however often the packet is sent. */
export interface FixedFields {
  readonly type: UtpType
  readonly connectionId: number
  readonly sequence: number
}

/** Those that say where the sender stands at the moment of sending. */
export interface CurrentFields {
  readonly timestamp: number
  readonly timestampDifference: number
  readonly window: number
  readonly ack: number
}

export function writeFixed(datagram: Uint8Array, fields: FixedFields): void {
  datagram[0] = (fields.type << 4) | VERSION
  datagram[1] = 0
  write16(datagram, 2, fields.connectionId)
  write16(datagram, 16, fields.sequence)
}

export function writeCurrent(datagram: Uint8Array, fields: CurrentFields): void {
  write32(datagram, 4, fields.timestamp)
  write32(datagram, 8, fields.timestampDifference)
  write32(datagram, 12, fields.window)
  write16(datagram, 18, fields.ack)
}

/** A packet without payload; `sack` may be empty. */
export function encodeBare(fixed: FixedFields, current: CurrentFields, sack: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(UTP_HEADER + (sack.length === 0 ? 0 : 2 + sack.length))
  writeFixed(datagram, fixed)
  writeCurrent(datagram, current)
  if (sack.length > 0) {
    datagram[1] = SELECTIVE_ACK
    datagram[UTP_HEADER + 1] = sack.length
    datagram.set(sack, UTP_HEADER + 2)
  }
  return datagram
}

function read16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

function read32(bytes: Uint8Array, at: number): number {
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0
}

function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16)
  write16(bytes, at + 2, value)
}
