import { asDictionary, BencodeError, decode, decodePrefix, encode } from "../../../src/metainfo/bencode.js"
import { rawMember } from "../../../src/metainfo/raw-member.js"
import { must, outcome, sameBytes } from "../lib/expect.js"
import { bencoded, type Target, words } from "../lib/target.js"

const SMALL = { length: 1 << 20, depth: 3, tokens: 20 }

/** What is decoded is encoded to the same bytes, a prefix is the same as the whole, and a member by itself as in the whole. */
export const bencode: Target = {
  name: "bencode",
  seeds: () =>
    words(
      "i0e",
      "i-42e",
      "i18446744073709551616e",
      "0:",
      "4:spam",
      "le",
      "l4:spami3ee",
      "de",
      "d3:bar4:spam3:fooi42ee",
      "d4:infod5:filesld6:lengthi1e4:pathl1:aeeeee",
      `${"l".repeat(64)}${"e".repeat(64)}`,
    ),
  ...bencoded(words("a", "info", "length", "path", "pieces", "")),
  check(input) {
    const whole = outcome(() => decode(input), BencodeError)
    const prefix = outcome(() => decodePrefix(input), BencodeError)
    if (whole.error === undefined) {
      must(sameBytes(encode(whole.value), input), "it is encoded to other bytes")
      must(prefix.error === undefined && prefix.value.end === input.length, "the whole is not its own prefix")
    } else if (prefix.error === undefined) {
      must(whole.error.fault === "trailing" && whole.error.offset === prefix.value.end, "only the prefix is read")
      const begin = input.subarray(0, prefix.value.end)
      must(sameBytes(encode(decode(begin)), begin), "the prefix is encoded to other bytes")
    } else {
      must(whole.error.fault === prefix.error.fault, "the same input has two faults")
      must(whole.error.offset >= 0 && whole.error.offset <= input.length, "the fault lies outside")
    }
    const member = rawMember(input, "info")
    if (prefix.error === undefined) {
      const expected = asDictionary(prefix.value.value)?.get("info")
      const same = member === undefined ? expected === undefined : sameBytes(member, encode(expected!))
      must(same, "a member by itself is not the one in the whole")
    }
    const small = outcome(() => decodePrefix(input, SMALL), BencodeError)
    // Tighter limits refuse more, and change nothing else.
    if (small.error === undefined) must(prefix.value?.end === small.value.end, "limits change what is read")
    else must(small.error.fault === "limit" || prefix.error !== undefined, "limits make another fault")
  },
}
