import { Bitfield } from "../bytes/bitfield.js"
import type { PieceStore } from "../storage/piece-store.js"
import type { Purpose } from "./torrent-options.js"

/** What a torrent is at work for at the moment. */
export class CurrentPurpose implements Purpose {
  fetch: boolean
  seed: boolean
  readonly #store: Pick<PieceStore, "wanted" | "have">

  constructor({ fetch, seed }: Purpose, store: Pick<PieceStore, "wanted" | "have">) {
    this.fetch = fetch
    this.seed = seed
    this.#store = store
  }

  /** What is to be fetched without a reader's asking. */
  get pieces(): Bitfield {
    return this.fetch ? this.#store.wanted : new Bitfield(this.#store.have.length)
  }

  /** Nothing is selected yet, but something may be, or a reader may come. */
  get mayFetch(): boolean {
    return this.fetch && this.#store.wanted.count === 0
  }

  /** What is done when nothing is to be fetched. */
  get otherwise(): "seeding" | "complete" {
    return this.seed ? "seeding" : "complete"
  }
}
