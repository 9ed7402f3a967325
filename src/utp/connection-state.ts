/**
 * Where a connection stands.
 * - `syn-sent`: we connect
 * - `syn-received`: accepted; the other side has not proved its address yet
 * - `open`: bytes go both ways
 * - `closing`: closed by us; the other side does not know yet
 * - `gone`
 */
export type ConnectionState = "syn-sent" | "syn-received" | "open" | "closing" | "gone"

/** Time-outs in a row until the other side counts as gone. */
export const MAX_TIMEOUTS: Readonly<Record<ConnectionState, number>> = {
  /** 1 and 2 s (libtorrent: 3 s in all). */
  "syn-sent": 2,
  "syn-received": 0,
  /** All together 31 times the shortest, a quarter of a minute or more (libtorrent: half of that; libutp: about as long). */
  open: 5,
  /** We only want the other side to know. */
  closing: 3,
  gone: 0,
}

/** ms for an accepted connection's other side to prove its address: its first packets may be lost. */
export const CONFIRM_TIME = 10_000
/** ms without a packet of ours until a gateway might forget us (libutp: 29 s, from measuring many). */
export const KEEP_ALIVE = 29_000
/** ms that what came ahead of its turn may take up memory that is short: four time-outs in a row, and no packet gets through. */
export const AHEAD_TIME = 10_000
/** ms for all that is under way to get there once we have closed, whatever the other side goes on to say. */
export const CLOSE_TIME = 30_000
