import type { Search, Wanted } from "../torrent/finding/discovery.js"

/** What does the searching, once it has started. */
interface Searcher {
  search(wanted: Wanted): Search
}

/** A search that waits until its searcher (the DHT, local discovery) has started. */
export class LateSearch implements Search {
  readonly #words: { readonly starting: string; readonly impossible: string }
  #search: Search | undefined
  #state: "waiting" | "begun" | "closed" | "impossible" = "waiting"

  /** `words`: how it stands before the start, and when that fails. */
  constructor(words: { readonly starting: string; readonly impossible: string }) {
    this.#words = words
  }

  get hopeful(): boolean {
    return this.#state === "waiting" || (this.#search?.hopeful ?? false)
  }

  get status(): string {
    if (this.#search !== undefined) return this.#search.status
    return this.#state === "impossible" ? this.#words.impossible : this.#words.starting
  }

  /** `searcher`: undefined when it could not be started. */
  begin(searcher: Searcher | undefined, wanted: Wanted): void {
    if (this.#state !== "waiting") return
    this.#state = searcher === undefined ? "impossible" : "begun"
    this.#search = searcher?.search(wanted)
  }

  soon(): void {
    this.#search?.soon()
  }

  close(): void {
    this.#state = "closed"
    this.#search?.close()
  }
}
