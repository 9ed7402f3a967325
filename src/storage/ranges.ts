/** Numbers in a row: `first`, `first + 1`, …, `count` of them. */
export interface Range {
  readonly first: number
  readonly count: number
}

/** Ascending numbers (repeats allowed) as ranges. */
export function toRanges(ascending: Iterable<number>): Range[] {
  const ranges: Range[] = []
  let first = 0
  let count = 0
  for (const value of ascending) {
    if (count > 0 && value < first + count) continue
    if (value === first + count) {
      count++
      continue
    }
    if (count > 0) ranges.push({ first, count })
    first = value
    count = 1
  }
  if (count > 0) ranges.push({ first, count })
  return ranges
}
