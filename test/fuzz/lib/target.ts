import { encodeUtf8 } from "../../../src/bytes/text.js"
import { mutateTree, randomTree, write } from "./bencode-tree.js"
import type { Dice } from "./dice.js"

/** Something that strangers send bytes to. */
export interface Target {
  readonly name: string
  /** Good inputs to begin with, most often made by our own encoders. */
  readonly seeds: () => readonly Uint8Array[]
  /** What the format is full of. */
  readonly words?: readonly Uint8Array[]
  /** An input that has the format's shape. */
  readonly generate?: (dice: Dice) => Uint8Array
  /** A change that keeps the format's shape; undefined when the input does not have it. */
  readonly reshape?: (input: Uint8Array, dice: Dice) => Uint8Array | undefined
  /** Throws when something is not as it must be. */
  readonly check: (input: Uint8Array) => void
  /** Changed inputs that the ordinary test run tries; fewer where one costs much. */
  readonly runs?: number
}

/** A dictionary, as bytes. */
export function words(...texts: readonly string[]): Uint8Array[] {
  return texts.map(encodeUtf8)
}

/** How inputs in bencode with these keys are made and changed. */
export function bencoded(keys: readonly Uint8Array[]): Required<Pick<Target, "words" | "generate" | "reshape">> {
  return {
    words: keys,
    generate: (dice) => write(randomTree(dice, keys)),
    reshape: (input, dice) => mutateTree(input, dice, keys),
  }
}
