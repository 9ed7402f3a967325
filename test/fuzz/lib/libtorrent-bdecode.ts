import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { concatBytes } from "../../../src/bytes/concat.js"
import { BencodeDictionary, BencodeError, type BencodeValue, decodePrefix } from "../../../src/metainfo/bencode.js"
import { PYTHON } from "../../support/partners/partner.js"
import { type Tree, toTree, write } from "./bencode-tree.js"
import { outcome, sameBytes } from "./expect.js"

const SCRIPT = fileURLToPath(new URL("./bdecode.py", import.meta.url))
/** What we refuse and libtorrent does not, on purpose: BEP 3 calls it invalid, and parsers disagree on what it means. */
const STRICTER = /leading zero|same key twice|nested too deep|more than 64 digits|too many values/
const INT64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n }

/** Where we and libtorrent read the same bencode in another way, one line each. */
export function disagreements(inputs: readonly Uint8Array[]): string[] {
  const answers = askLibtorrent(inputs)
  return inputs.flatMap((input, i) => {
    const why = disagreement(input, answers[i]!)
    return why === undefined ? [] : [`${Buffer.from(input).toString("latin1")}: ${why}`]
  })
}

function disagreement(input: Uint8Array, theirs: Uint8Array): string | undefined {
  const ours = outcome(() => decodePrefix(input).value, BencodeError)
  const they = Buffer.from(theirs.subarray(1)).toString("latin1")
  const taken = theirs[0] === "+".charCodeAt(0)
  if (ours.error !== undefined) {
    return taken && !STRICTER.test(ours.error.message) ? `we: ${ours.error.message}; libtorrent: ${they}` : undefined
  }
  if (hasLargeIntegers(ours.value)) return undefined
  const we = write(inOrder(toTree(ours.value)))
  if (!taken) return `libtorrent: ${they}`
  return sameBytes(we, theirs.subarray(1)) ? undefined : `libtorrent: ${they}`
}

/** libtorrent knows integers of 64 bits. */
function hasLargeIntegers(value: BencodeValue): boolean {
  if (typeof value === "bigint") return value < INT64.least || value > INT64.most
  if (value instanceof BencodeDictionary) return [...value.entries()].some(([, inner]) => hasLargeIntegers(inner))
  return Array.isArray(value) && value.some(hasLargeIntegers)
}

/** libtorrent writes keys in order, whatever it read. */
function inOrder(tree: Tree): Tree {
  if (tree.kind === "list") return { ...tree, elements: tree.elements.map(inOrder) }
  if (tree.kind !== "dictionary") return tree
  const entries = tree.entries.map(([key, value]): [Uint8Array, Tree] => [key, inOrder(value)])
  return { kind: "dictionary", entries: entries.sort(([a], [b]) => Buffer.compare(a, b)) }
}

function askLibtorrent(inputs: readonly Uint8Array[]): Uint8Array[] {
  const asked = concatBytes(...inputs.flatMap((input) => [length(input), input]))
  const { stdout, stderr, status } = spawnSync(PYTHON, [SCRIPT], { input: asked, maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`libtorrent's bdecode: ${stderr.toString()}`)
  const answers: Uint8Array[] = []
  for (let at = 0; at < stdout.length; ) {
    const end = at + 4 + stdout.readUInt32BE(at)
    answers.push(stdout.subarray(at + 4, end))
    at = end
  }
  return answers
}

function length(input: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, input.length)
  return bytes
}
