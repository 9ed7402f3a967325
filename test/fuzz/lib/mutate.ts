import { concatBytes } from "../../../src/bytes/concat.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import type { Dice } from "./dice.js"

/** Inputs grow to this many bytes at most. */
export const LONGEST = 16 * 1024

/** Where signs, widths and limits end. */
const EDGES = [
  0, 1, 2, 16, 20, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x10_0000, 0x7fff_ffff,
  0x8000_0000, 0xffff_fffe, 0xffff_ffff,
]

/** The same in decimal digits, for formats that write numbers so. */
const DECIMALS = [
  "0",
  "1",
  "-1",
  "00",
  "-0",
  "255",
  "256",
  "65535",
  "65536",
  "2147483647",
  "2147483648",
  "4294967295",
  "4294967296",
  "9007199254740991",
  "9007199254740992",
  "18446744073709551616",
  "9".repeat(64),
  "9".repeat(65),
]

type Mutation = (input: Uint8Array, dice: Dice, other: () => Uint8Array, words: readonly Uint8Array[]) => Uint8Array

const MUTATIONS: readonly Mutation[] = [
  function flipBit(input, dice) {
    const copy = input.slice()
    if (copy.length > 0) copy[dice.below(copy.length)]! ^= 1 << dice.below(8)
    return copy
  },
  function setByte(input, dice) {
    const copy = input.slice()
    if (copy.length > 0) copy[dice.below(copy.length)] = dice.oneIn(2) ? dice.word() & 0xff : dice.pick(EDGES) & 0xff
    return copy
  },
  function setNumber(input, dice) {
    const copy = input.slice()
    const width = dice.pick([2, 4])
    if (copy.length < width) return copy
    const view = new DataView(copy.buffer)
    const at = dice.below(copy.length - width + 1)
    const old = width === 2 ? view.getUint16(at) : view.getUint32(at)
    const value = dice.oneIn(2) ? dice.pick(EDGES) : old + dice.below(9) - 4
    if (width === 2) view.setUint16(at, value)
    else view.setUint32(at, value)
    return copy
  },
  function setDecimal(input, dice) {
    const from = input.findIndex((byte, at) => at >= dice.below(input.length) && isDigit(byte))
    if (from < 0) return input
    let to = from
    while (isDigit(input[to])) to++
    const old = Number(new TextDecoder().decode(input.subarray(from, to)))
    const text = dice.oneIn(2) ? dice.pick(DECIMALS) : String(old + dice.below(5) - 2)
    return replace(input, from, to, encodeUtf8(text))
  },
  function cutOut(input, dice) {
    const { from, to } = span(input, dice)
    return replace(input, from, to, new Uint8Array(0))
  },
  function cutOff(input, dice) {
    return input.slice(0, dice.below(input.length + 1))
  },
  function insertBytes(input, dice) {
    const at = dice.below(input.length + 1)
    return replace(input, at, at, dice.oneIn(2) ? dice.bytes(1 + dice.size(32)) : new Uint8Array(1 + dice.size(64)))
  },
  function insertWord(input, dice, _other, words) {
    if (words.length === 0) return input
    const at = dice.below(input.length + 1)
    return replace(input, at, at, dice.pick(words))
  },
  function overwriteWithWord(input, dice, _other, words) {
    if (words.length === 0) return input
    const word = dice.pick(words)
    const at = dice.below(input.length + 1)
    return replace(input, at, Math.min(at + word.length, input.length), word)
  },
  function repeat(input, dice) {
    const { from, to } = span(input, dice)
    const part = input.subarray(from, to)
    const times = 1 + dice.size(64)
    return replace(input, from, from, concatBytes(...Array.from({ length: times }, () => part)))
  },
  function move(input, dice) {
    const { from, to } = span(input, dice)
    const without = replace(input, from, to, new Uint8Array(0))
    const at = dice.below(without.length + 1)
    return replace(without, at, at, input.subarray(from, to))
  },
  function splice(input, dice, other) {
    const donor = other()
    const { from, to } = span(donor, dice)
    const target = span(input, dice)
    return replace(input, target.from, dice.oneIn(2) ? target.from : target.to, donor.subarray(from, to))
  },
]

/** An input changed in one to four places; `other` gives inputs to take parts from. */
export function mutate(
  input: Uint8Array,
  dice: Dice,
  other: () => Uint8Array,
  words: readonly Uint8Array[],
): Uint8Array {
  let changed = input
  for (let count = 1 + dice.below(4); count > 0; count--) changed = dice.pick(MUTATIONS)(changed, dice, other, words)
  return changed.length > LONGEST ? changed.slice(0, LONGEST) : changed
}

function span(input: Uint8Array, dice: Dice): { from: number; to: number } {
  const from = dice.below(input.length + 1)
  return { from, to: Math.min(input.length, from + 1 + dice.size(input.length)) }
}

function replace(input: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array {
  return concatBytes(input.subarray(0, from), by, input.subarray(to))
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}
