import type { Contact } from "./contact.js"
import type { Question } from "./krpc.js"
import type { Holder } from "./lookup.js"

/** Announces that wait; with more, the oldest are lost. */
const MAX_WAITING = 2000
/** Announces that are tried at a time. */
const AT_ONCE = 64

/** Announces that could not be sent yet: those of many torrents come together, and questions have a rate. */
export class AnnounceQueue {
  readonly #ask: (to: Contact, question: Question) => boolean
  #waiting: { readonly to: Contact; readonly question: Question }[] = []

  /** `ask` sends a question, or returns false when it has to wait. */
  constructor(ask: (to: Contact, question: Question) => boolean) {
    this.#ask = ask
  }

  /** Tells these nodes, as soon as may be, that we have the torrent and listen at `port` (BEP 5). */
  add(infoHash: Uint8Array, port: number, holders: readonly Holder[]): void {
    for (const { token, ...to } of holders) {
      this.#waiting.push({ to, question: { method: "announce_peer", infoHash, port, impliedPort: false, token } })
    }
    this.#waiting = this.#waiting.slice(-MAX_WAITING)
    this.send()
  }

  /** Sends what may be sent now. To be called with every tick. */
  send(): void {
    const tried = this.#waiting.splice(0, AT_ONCE)
    const left = tried.filter(({ to, question }) => !this.#ask(to, question))
    this.#waiting.push(...left)
  }
}
