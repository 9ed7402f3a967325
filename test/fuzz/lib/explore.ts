import { bounded } from "./bounds.js"
import type { Coverage } from "./coverage.js"
import { Dice } from "./dice.js"
import { mutate } from "./mutate.js"
import type { Target } from "./target.js"

/** Inputs kept because they reached something new. */
const MOST_KEPT = 5000

/** An input on which the target fails, and how. */
export interface Finding {
  readonly input: Uint8Array
  readonly error: unknown
}

export interface ExploreOptions {
  readonly target: Target
  readonly seed: number
  /** More inputs to begin with. */
  readonly corpus?: readonly Uint8Array[]
  /** Without it inputs are changed blindly. */
  readonly coverage?: Coverage
  /** Asked before each input, with the number of those before. */
  readonly goesOn: (tried: number) => boolean
  /** Told of each input before it is tried: whoever watches then knows what never ended. */
  readonly onInput?: (input: Uint8Array) => void
}

/**
 * Tries inputs made from good ones until one fails; undefined when none does. The same seed tries the same inputs. With
 * coverage, inputs that reached new code become good ones.
 */
export function explore(options: ExploreOptions): { tried: number; kept: number; finding: Finding | undefined } {
  const { target, coverage, goesOn } = options
  const dice = new Dice(options.seed)
  const pool: Uint8Array[] = []
  let tried = 0
  const attempt = (input: Uint8Array): Finding | undefined => {
    options.onInput?.(input)
    coverage?.begin()
    try {
      bounded(target.check, input)
    } catch (error) {
      return { input, error }
    }
    return undefined
  }
  for (const input of [...target.seeds(), ...(options.corpus ?? [])]) {
    const finding = attempt(input)
    coverage?.hadNews()
    if (finding !== undefined) return { tried, kept: pool.length, finding }
    pool.push(input)
  }
  while (goesOn(tried)) {
    const input = nextInput(target, pool, dice)
    tried++
    const finding = attempt(input)
    if (finding !== undefined) return { tried, kept: pool.length, finding }
    if (coverage?.hadNews() === true && pool.length < MOST_KEPT) pool.push(input)
  }
  return { tried, kept: pool.length, finding: undefined }
}

function nextInput(target: Target, pool: readonly Uint8Array[], dice: Dice): Uint8Array {
  const any = (): Uint8Array => (pool.length > 0 ? dice.pick(pool) : new Uint8Array(0))
  if (target.generate !== undefined && dice.oneIn(8)) return target.generate(dice)
  const input = any()
  const reshaped = target.reshape !== undefined && dice.oneIn(2) ? target.reshape(input, dice) : undefined
  // Some of both: a good shape with one wrong byte.
  if (reshaped !== undefined && !dice.oneIn(4)) return reshaped
  return mutate(reshaped ?? input, dice, any, target.words ?? [])
}
