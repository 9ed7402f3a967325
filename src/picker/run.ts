/** Neighbouring pieces that a web seed fetches one after the other. Those from `next` up to `end` are reserved for it. */
export class Run {
  /** The next piece to open. */
  next: number
  /** The run ends before this piece; a peer that takes the tail moves it down. */
  end: number
  /** Called when somebody took the tail. */
  onShortened: (() => void) | undefined

  constructor(first: number) {
    this.next = first
    this.end = first
  }

  /** Pieces it has not come to. */
  get remaining(): number {
    return this.end - this.next
  }
}
