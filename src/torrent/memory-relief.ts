import type { Picker } from "../picker/picker.js"
import type { PieceTable } from "../picker/piece-table.js"
import type { Slot } from "../storage/slots.js"
import type { WebSeedRoster } from "./receiving/web-seed-roster.js"
import type { Roster } from "./roster.js"

/** Sees to it that pieces nobody can go on with do not hold all the memory while somebody could bring others. */
export class MemoryRelief {
  readonly #table: PieceTable<Slot>
  readonly #picker: Picker<Slot>
  readonly #roster: Pick<Roster, "connected" | "anyoneHas">
  readonly #webSeeds: Pick<WebSeedRoster, "anyoneHas" | "readyHas" | "someoneIdle">

  constructor(parts: {
    table: PieceTable<Slot>
    picker: Picker<Slot>
    roster: Pick<Roster, "connected" | "anyoneHas">
    webSeeds: Pick<WebSeedRoster, "anyoneHas" | "readyHas" | "someoneIdle">
  }) {
    this.#table = parts.table
    this.#picker = parts.picker
    this.#roster = parts.roster
    this.#webSeeds = parts.webSeeds
  }

  /** To be called when all who can be asked have been. @returns whether there is memory again */
  relieve(now: number): boolean {
    if (this.#table.memoryLeft) return false
    const canComplete = (piece: number): boolean => this.#roster.anyoneHas(piece) || this.#webSeeds.anyoneHas(piece)
    while (this.#picker.dropHopeless(canComplete));
    if (this.#table.memoryLeft) return true
    const starved = this.#picker.starved(now, (piece) => this.#canServe(piece))
    if (starved === undefined || !this.#someoneIdle()) return false
    this.#table.drop(starved)
    return true
  }

  #canServe(piece: number): boolean {
    for (const { session } of this.#roster.connected())
      if (!session.peerChoking && session.pieces?.has(piece)) return true
    return this.#webSeeds.readyHas(piece)
  }

  /** Somebody could be asked, for a piece that is missing, and is asked for nothing. */
  #someoneIdle(): boolean {
    const { availability } = this.#table
    for (const peer of this.#roster.connected()) {
      const { session } = peer
      if (session.peerChoking || session.requester.room <= 0 || session.requester.outstanding > 0) continue
      if (availability.rarest((piece) => peer.hasPiece(piece)) !== undefined) return true
    }
    return this.#webSeeds.someoneIdle
  }
}
