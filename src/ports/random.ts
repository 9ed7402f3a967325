/** Randomness; unpredictable to others in the Node implementation. */
export interface Random {
  /** `length` fresh bytes. */
  bytes(length: number): Uint8Array
  /** A whole number, 0 <= n < `below`; `below` is 1 to 2^32. */
  below(below: number): number
}
