/** Sequence numbers count packets, modulo 2^16. */
export function seq(value: number): number {
  return value & 0xffff
}

/** How far `to` lies behind `from`, -2^15 to 2^15 - 1. */
export function seqDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16
}

/** Microseconds of a clock, modulo 2^32. */
export function microseconds(milliseconds: number): number {
  return Math.floor(milliseconds * 1000) % 0x1_0000_0000
}

/** `a - b` for microseconds modulo 2^32, -2^31 to 2^31 - 1. */
export function microsecondsBetween(a: number, b: number): number {
  return (a - b) | 0
}
