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
  /** The first 63 times the shortest, half a minute or more. */
  open: 6,
  /** We only want the other side to know. */
  closing: 3,
  gone: 0,
}
