import { createHash } from "node:crypto"
import { concatBytes } from "../../../src/bytes/concat.js"
import { CryptoMethod, type MseAgreement, type MseTools, skeyHash } from "../../../src/wire/mse.js"
import { MseHandshake } from "../../../src/wire/mse-handshake.js"
import { mseInitiator } from "../../../src/wire/mse-initiator.js"
import { type IncomingAgreement, mseResponder } from "../../../src/wire/mse-responder.js"
import { seededRandom } from "../../support/seeded-random.js"

export const skey = new Uint8Array(20).fill(0x5a)
export const BOTH = CryptoMethod.plaintext | CryptoMethod.rc4

export function toolsOf(seed: number): MseTools {
  return { sha1: (data) => new Uint8Array(createHash("sha1").update(data).digest()), random: seededRandom(seed) }
}

/** What a party has said and nobody has heard. */
class Voice {
  #said = new Uint8Array(0)
  readonly send = (bytes: Uint8Array): void => {
    this.#said = concatBytes(this.#said, bytes)
  }

  take(length = this.#said.length): Uint8Array {
    const bytes = this.#said.slice(0, length)
    this.#said = this.#said.slice(length)
    return bytes
  }
}

export class Initiator {
  readonly voice = new Voice()
  readonly handshake: MseHandshake<MseAgreement>

  constructor(options: { seed?: number; provide?: number; payload?: Uint8Array; skey?: Uint8Array } = {}) {
    this.handshake = new MseHandshake(
      mseInitiator({
        tools: toolsOf(options.seed ?? 1),
        skey: options.skey ?? skey,
        provide: options.provide ?? BOTH,
        send: this.voice.send,
        initialPayload: () => options.payload ?? new Uint8Array(0),
      }),
    )
  }
}

export class Responder {
  readonly voice = new Voice()
  readonly handshake: MseHandshake<IncomingAgreement>

  constructor(options: { seed?: number; select?: (provided: number) => number } = {}) {
    const tools = toolsOf(options.seed ?? 2)
    const known = skeyHash(tools, skey)
    this.handshake = new MseHandshake(
      mseResponder(
        {
          tools,
          skeyOf: (hash) => (hash.every((byte, i) => byte === known[i]) ? skey : undefined),
          select: options.select ?? ((provided) => provided & CryptoMethod.rc4),
        },
        this.voice.send,
      ),
    )
  }
}
