/** ms from one slowdown to the next; a base delay is remembered for longer (13 minutes). */
const PERIOD = 600_000
/** ms until a queue as long as we make it has emptied, and some to spare. */
const LENGTH = 500

/**
 * Whether next to nothing is to be sent now, a clock time in ms: so the queue in front of the line empties, and the base delay is
 * measured anew (LEDBAT++, draft-irtf-iccrg-ledbat-plus-plus, 4.4). Who fills a line without a pause forgets how fast it is when
 * it is empty, takes his own queue for the line, and adds another one. All connections pause at the same time: they share a queue.
 */
export function isSlowdown(now: number): boolean {
  return now % PERIOD >= PERIOD - LENGTH
}
