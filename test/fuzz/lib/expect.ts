/** What a target found wrong. */
export class Violation extends Error {
  override readonly name = "Violation"
}

/** Something that must hold. Plain, because it runs a million times, and outside of a test runner too. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what)
}

/** The outcome of a call that may throw an error of one kind, but no other. */
export function outcome<T, E extends Error>(
  call: () => T,
  allowed: abstract new (...args: never[]) => E,
): { value: T; error?: undefined } | { value?: undefined; error: E } {
  try {
    return { value: call() }
  } catch (error) {
    if (error instanceof allowed) return { error }
    throw error
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** Two results as texts, to be compared or shown: bytes in hex, maps and sets in order. */
export function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof Uint8Array) return `0x${Buffer.from(inner).toString("hex")}`
    if (typeof inner === "bigint") return `${inner}n`
    if (inner instanceof Map || inner instanceof Set) return [...inner]
    return inner
  })
}

export function mustEqual(a: unknown, b: unknown, what: string): void {
  const [left, right] = [shown(a), shown(b)]
  must(left === right, `${what}: ${left?.slice(0, 500)} is not ${right?.slice(0, 500)}`)
}
