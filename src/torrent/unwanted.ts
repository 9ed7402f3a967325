import type { Picker } from "../picker/picker.js"
import type { WebSeedRuns } from "./receiving/web-seed-runs.js"
import type { Swarm } from "./swarm.js"

/** Sees to it that nothing is fetched to its end that nobody wants any more. */
export class Unwanted {
  readonly #picker: Pick<Picker, "dropUnwanted">
  readonly #swarm: Pick<Swarm, "cancelCopies">
  readonly #webSeedRuns: Pick<WebSeedRuns, "dropUnwanted">
  #due = false

  constructor(parts: {
    picker: Pick<Picker, "dropUnwanted">
    swarm: Pick<Swarm, "cancelCopies">
    webSeedRuns: Pick<WebSeedRuns, "dropUnwanted">
  }) {
    this.#picker = parts.picker
    this.#swarm = parts.swarm
    this.#webSeedRuns = parts.webSeedRuns
  }

  /** What is being fetched and is not wanted is given up. */
  drop(): void {
    this.#due = false
    this.#picker.dropUnwanted((block) => this.#swarm.cancelCopies(block))
    this.#webSeedRuns.dropUnwanted()
  }

  /** Drops with the next tick, not at once: whoever ends a read to go on nearby asks for much of the same again. */
  dropSoon(): void {
    this.#due = true
  }

  /** To be called every 250 ms. */
  tick(): void {
    if (this.#due) this.drop()
  }
}
