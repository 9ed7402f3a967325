import type { LookupAddress } from "node:dns"
import type { Clock } from "../ports/clock.js"
import { nodeClock } from "./clock.js"
import { findAddresses, nameSilence } from "./system-names.js"

/** How long addresses are remembered, ms. */
const ADDRESSES_LIFE = 60_000
/** And that there were none: as long as those who connect to one host ask at about the same time. */
const FAILURE_LIFE = 10_000
/** Nobody waits for an answer longer than this, ms: whoever asks gives a host at least 10 s to be heard of. */
const PATIENCE = 8_000

interface Known {
  addresses: Promise<readonly LookupAddress[]>
  expiresAt: number
}

/** The addresses of host names. A name is asked for once at a time, whoever wants it, and the answer is remembered. */
export class HostNames {
  readonly #ask: typeof findAddresses
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()

  constructor(ask: typeof findAddresses, clock: Clock = nodeClock) {
    this.#ask = ask
    this.#clock = clock
  }

  /** @throws what the one who is asked throws; `EAI_AGAIN` when no answer has come for 8 s, and at once until it comes */
  find(hostname: string): Promise<readonly LookupAddress[]> {
    const now = this.#clock.now()
    for (const [name, { expiresAt }] of this.#known) if (expiresAt <= now) this.#known.delete(name)
    let known = this.#known.get(hostname)
    if (known === undefined) {
      known = this.#begin(hostname)
      this.#known.set(hostname, known)
    }
    return known.addresses
  }

  #begin(hostname: string): Known {
    const asked = this.#ask(hostname)
    const known: Known = { addresses: asked, expiresAt: Number.POSITIVE_INFINITY }
    known.addresses = new Promise((resolve, reject) => {
      const timer = this.#clock.after(PATIENCE, () => reject(nameSilence(hostname)))
      const settled = (life: number): void => {
        timer.cancel()
        // It may come after patience has ended.
        known.addresses = asked
        known.expiresAt = this.#clock.now() + life
        resolve(asked)
      }
      asked.then(
        () => settled(ADDRESSES_LIFE),
        () => settled(FAILURE_LIFE),
      )
    })
    return known
  }
}

/** As this machine finds them, for all who connect from it. */
export const hostNames = new HostNames(findAddresses)
