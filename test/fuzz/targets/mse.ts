import { ProtocolError } from "../../../src/errors.js"
import { ciphersOf, KeyExchange, maskSkeyHash, skeyHash, syncHash } from "../../../src/wire/mse.js"
import { Initiator, Responder, skey, toolsOf } from "../../unit/wire/mse-parties.js"
import { Choices } from "../lib/choices.js"
import { inParts, readSizes } from "../lib/cuts.js"
import { must, outcome } from "../lib/expect.js"
import type { Target } from "../lib/target.js"

const KEY = 96
/** The longest that a side may wait for: key, the paddings, hashes and fields. */
const MOST = KEY + 512 + 20 + 20 + 8 + 6 + 512 + 2
/** More is not said for a word of any length. */
const SAID = 2 * (KEY + 512) + 8 + 6 + 512

/** Whatever comes from the other side, both sides agree, refuse, or stop waiting. */
export const mse: Target = {
  name: "mse",
  seeds: () => [
    Uint8Array.of(0, 1, 40, 40, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3),
    Uint8Array.of(1, 1, 200, 50, 0, 0, 0, 1, 0, 3, 7, 7, 7),
    Uint8Array.of(2, 0, 255, 1, 2, 3),
    Uint8Array.of(3, 0, 255, 1, 2, 3),
  ],
  words: [Uint8Array.of(0, 0, 0, 1), Uint8Array.of(0, 0, 0, 2), Uint8Array.of(2, 0), Uint8Array.of(2, 1)],
  check(input) {
    const choices = new Choices(input)
    const kind = choices.below(4)
    const sizes = readSizes(choices)
    const party = kind % 2 === 0 ? new Responder() : new Initiator()
    // One who knows the secret, or one who just talks.
    const said =
      kind === 0
        ? toResponder(party as Responder, choices)
        : kind === 1
          ? toInitiator(party as Initiator, choices)
          : choices.rest()
    let come = 0
    let agreed = false
    const { error } = outcome(
      () =>
        inParts(said, sizes, (part) => {
          come += part.length
          const agreement = party.handshake.push(part)
          agreed = agreement !== undefined
          must((agreement?.rest.length ?? 0) <= part.length, "more is left than came")
          return !agreed
        }),
      ProtocolError,
    )
    must(party.voice.take().length <= SAID, "it says more than a handshake")
    const waits = !agreed && error === undefined
    must(!waits || come <= MOST, "it waits for ever")
  },
  runs: 300,
}

/** What an initiator says who knows the infohash: the key went before, the fields are as the input wants them. */
function toResponder(party: Responder, choices: Choices): Uint8Array {
  const tools = toolsOf(3)
  const keys = new KeyExchange(tools)
  party.handshake.push(keys.greeting().subarray(0, KEY))
  const secret = keys.secret(party.voice.take().subarray(0, KEY))
  const fields = new Uint8Array(8 + choices.left)
  fields.set(choices.rest(), 8)
  const { a } = ciphersOf(tools, secret, skey)
  return Buffer.concat([syncHash(tools, secret), maskSkeyHash(tools, secret, skeyHash(tools, skey)), a.apply(fields)])
}

/** The same of a responder. */
function toInitiator(party: Initiator, choices: Choices): Uint8Array {
  const tools = toolsOf(3)
  const keys = new KeyExchange(tools)
  const secret = keys.secret(party.voice.take().subarray(0, KEY))
  party.handshake.push(keys.greeting().subarray(0, KEY))
  const fields = new Uint8Array(8 + choices.left)
  fields.set(choices.rest(), 8)
  return ciphersOf(tools, secret, skey).b.apply(fields)
}
