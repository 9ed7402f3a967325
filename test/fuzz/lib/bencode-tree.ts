import { concatBytes } from "../../../src/bytes/concat.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { BencodeDictionary, BencodeError, type BencodeValue, decode } from "../../../src/metainfo/bencode.js"
import type { Dice } from "./dice.js"

/**
 * Bencode as a tree that can be changed. Unlike what our encoder takes it can be wrong: keys out of order or twice, and
 * `raw` bytes anywhere.
 */
export type Tree =
  | { kind: "integer"; digits: string }
  | { kind: "string"; bytes: Uint8Array }
  | { kind: "list"; elements: Tree[] }
  | { kind: "dictionary"; entries: [key: Uint8Array, value: Tree][] }
  | { kind: "raw"; bytes: Uint8Array }

const INTEGERS = ["0", "1", "-1", "2", "20", "255", "16384", "65535", "4294967295", "9007199254740992", "-0", "07", ""]
const RAW = ["", "i", "i-e", "i1", "e", "5:", "999999999:x", "d1:a", "le", "de", "1:", "-1:x", "01:x"]

/** Written by hand, so that a fault of our encoder does not hide one of the decoder. */
export function write(tree: Tree): Uint8Array {
  switch (tree.kind) {
    case "integer":
      return encodeUtf8(`i${tree.digits}e`)
    case "string":
      return string(tree.bytes)
    case "list":
      return concatBytes(encodeUtf8("l"), ...tree.elements.map(write), encodeUtf8("e"))
    case "dictionary": {
      const entries = tree.entries.flatMap(([key, value]) => [string(key), write(value)])
      return concatBytes(encodeUtf8("d"), ...entries, encodeUtf8("e"))
    }
    case "raw":
      return tree.bytes
  }
}

/** A tree of any kind; keys are often `words`. */
export function randomTree(dice: Dice, words: readonly Uint8Array[], depth = 4): Tree {
  const kind = dice.below(depth > 0 ? 5 : 2)
  const text = (): Uint8Array => (words.length > 0 && dice.oneIn(2) ? dice.pick(words) : dice.bytes(dice.size(40)))
  if (kind === 0) return integer(dice)
  if (kind === 1) return { kind: "string", bytes: text() }
  const count = dice.size(8)
  if (kind === 2) {
    return { kind: "list", elements: Array.from({ length: count }, () => randomTree(dice, words, depth - 1)) }
  }
  const entries = Array.from({ length: count }, (): [Uint8Array, Tree] => [text(), randomTree(dice, words, depth - 1)])
  // Mostly as they should be.
  if (!dice.oneIn(8)) entries.sort(([a], [b]) => Buffer.compare(a, b))
  return { kind: "dictionary", entries }
}

/** Changes a value somewhere in bencode; undefined when the input is none. */
export function mutateTree(input: Uint8Array, dice: Dice, words: readonly Uint8Array[]): Uint8Array | undefined {
  let value: BencodeValue
  try {
    value = decode(input)
  } catch (error) {
    if (error instanceof BencodeError) return undefined
    throw error
  }
  const root = toTree(value)
  for (let count = 1 + dice.below(3); count > 0; count--) changeSomewhere(root, dice, words)
  return write(root)
}

function changeSomewhere(root: Tree, dice: Dice, words: readonly Uint8Array[]): void {
  const nodes: Tree[] = []
  const collect = (tree: Tree): void => {
    nodes.push(tree)
    if (tree.kind === "list") tree.elements.forEach(collect)
    if (tree.kind === "dictionary") for (const [, value] of tree.entries) collect(value)
  }
  collect(root)
  change(dice.pick(nodes), dice, words)
}

/** Changes a node in place: within its type mostly, else to something else. */
function change(tree: Tree, dice: Dice, words: readonly Uint8Array[]): void {
  if (dice.oneIn(4)) {
    const other: Tree = dice.oneIn(4) ? { kind: "raw", bytes: encodeUtf8(dice.pick(RAW)) } : randomTree(dice, words, 2)
    Object.assign(tree, other)
    return
  }
  switch (tree.kind) {
    case "integer":
      Object.assign(tree, integer(dice))
      break
    case "string":
      tree.bytes = changeBytes(tree.bytes, dice, words)
      break
    case "list":
      changeRow(tree.elements, dice, () => randomTree(dice, words, 2))
      break
    case "dictionary":
      changeRow(tree.entries, dice, () => [
        words.length > 0 ? dice.pick(words) : dice.bytes(dice.size(8)),
        randomTree(dice, words, 2),
      ])
      break
    case "raw":
  }
}

function changeBytes(bytes: Uint8Array, dice: Dice, words: readonly Uint8Array[]): Uint8Array {
  const at = dice.below(bytes.length + 1)
  switch (dice.below(5)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return concatBytes(bytes.subarray(0, at), dice.bytes(1 + dice.size(30)), bytes.subarray(at))
    case 2:
      return words.length > 0 ? dice.pick(words) : dice.bytes(dice.size(30))
    case 3:
      return concatBytes(bytes, bytes.subarray(at))
    default: {
      const copy = bytes.slice()
      if (at < copy.length) copy[at] = dice.word() & 0xff
      return copy
    }
  }
}

function changeRow<T>(row: T[], dice: Dice, make: () => T): void {
  const at = dice.below(row.length + 1)
  switch (dice.below(4)) {
    case 0:
      row.splice(at, 0, make())
      break
    case 1:
      row.splice(at, 1)
      break
    case 2:
      if (at < row.length) row.splice(dice.below(row.length), 0, row[at]!)
      break
    case 3:
      if (at < row.length) row.push(...row.splice(at, 1))
      break
  }
}

function integer(dice: Dice): Tree {
  const digits = dice.oneIn(2) ? dice.pick(INTEGERS) : String(dice.below(2 ** dice.below(53)))
  return { kind: "integer", digits: dice.oneIn(40) ? "9".repeat(60 + dice.below(8)) : digits }
}

export function toTree(value: BencodeValue): Tree {
  if (typeof value === "number" || typeof value === "bigint") return { kind: "integer", digits: String(value) }
  if (value instanceof Uint8Array) return { kind: "string", bytes: value }
  if (value instanceof BencodeDictionary) {
    return { kind: "dictionary", entries: [...value.entries()].map(([key, inner]) => [key, toTree(inner)]) }
  }
  return { kind: "list", elements: value.map(toTree) }
}

function string(bytes: Uint8Array): Uint8Array {
  return concatBytes(encodeUtf8(`${bytes.length}:`), bytes)
}
