/**
 * The smallest input found that still fails: parts are left out, large ones first, then bytes become zeros. `fails` is
 * asked so many times at most.
 */
export function minimise(input: Uint8Array, fails: (input: Uint8Array) => boolean, budget = 4000): Uint8Array {
  let best = input
  let left = budget
  const accept = (candidate: Uint8Array): boolean => {
    if (left-- <= 0 || !fails(candidate)) return false
    best = candidate
    return true
  }
  for (let size = best.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length && left > 0; ) {
      const candidate = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + size)])
      if (!accept(candidate)) at += size
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    if (best[at] === 0x30 || best[at] === 0) continue
    const candidate = best.slice()
    candidate[at] = 0x30
    accept(candidate)
  }
  return best
}
