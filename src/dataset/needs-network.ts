import type { Bitfield } from "../bytes/bitfield.js"
import { AtError } from "../errors.js"

/** What to do where the network is needed. */
export const GO_ONLINE = "run without `offline`, and with AT_OFFLINE unset"

/** What to say offline to who wants these pieces of a dataset; without any that are missing, he wants to share it. */
export function needsNetwork(name: string, pieces: Iterable<number>, have: Bitfield): AtError {
  let [wanted, missing] = [0, 0]
  for (const piece of pieces) {
    wanted++
    if (!have.has(piece)) missing++
  }
  if (missing === 0) return new AtError("AT_INVALID_INPUT", "nothing can be shared offline", { hint: GO_ONLINE })
  const what = `${missing} of ${wanted} pieces of ${name} are not on this machine`
  return new AtError("AT_NO_SOURCES", what, { hint: GO_ONLINE })
}
