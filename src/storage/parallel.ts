/** Questions to the file system at a time. */
export const PARALLEL_LOOKS = 64

/**
 * Does `action` for each item, so many at a time. The first failure stops further starts, and is thrown when what was
 * under way has ended.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const failures: unknown[] = []
  let exhausted = false
  const lane = async (): Promise<void> => {
    while (failures.length === 0) {
      const next = iterator.next()
      if (next.done === true) {
        exhausted = true
        return
      }
      try {
        await action(next.value)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  const lanes: Promise<void>[] = []
  while (lanes.length < limit && !exhausted) lanes.push(lane())
  await Promise.all(lanes)
  if (failures.length > 0) throw failures[0]
}
