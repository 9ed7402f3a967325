import type { Random } from "../../../src/ports/random.js"

/**
 * Chance from a seed: xoshiro128**, by Blackman and Vigna (public domain). `fork` gives independent streams, so that one
 * more draw in one place does not change what happens in another.
 */
export class SimRandom implements Random {
  readonly #state: Uint32Array
  readonly #seed: string

  constructor(seed: string | number) {
    this.#seed = String(seed)
    this.#state = stateFrom(this.#seed)
  }

  fork(label: string): SimRandom {
    return new SimRandom(`${this.#seed}/${label}`)
  }

  /** A whole number, 0 <= n < 2^32. */
  word(): number {
    const s = this.#state
    const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0
    const t = s[1]! << 9
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    s[3] = rotate(s[3]!, 11)
    return result
  }

  /** 0 <= x < 1. */
  float(): number {
    return ((this.word() >>> 5) * 0x4000000 + (this.word() >>> 6)) / 2 ** 53
  }

  chance(probability: number): boolean {
    return probability > 0 && this.float() < probability
  }

  below(below: number): number {
    if (!Number.isInteger(below) || below < 1 || below > 2 ** 32) throw new RangeError(`below is ${below}`)
    return Math.floor(this.float() * below)
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.word() >>> 24
    return bytes
  }
}

function rotate(x: number, by: number): number {
  return ((x << by) | (x >>> (32 - by))) >>> 0
}

/** FNV-1a over the text, once a word, each with its own salt. */
function stateFrom(text: string): Uint32Array {
  const state = new Uint32Array(4)
  for (let word = 0; word < 4; word++) {
    let hash = 0x811c9dc5 ^ (word * 0x9e3779b9)
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    hash ^= hash >>> 16
    state[word] = Math.imul(hash, 0x85ebca6b) ^ (hash >>> 13)
  }
  if (state.every((word) => word === 0)) state[0] = 1
  return state
}
