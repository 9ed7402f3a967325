import { it } from "vitest"
import { deferred } from "../support/deferred.js"

/**
 * Where a contract is tested: an implementation with what the tests need around it, and a way to let a scenario run
 * (the simulator's moves its clock meanwhile, Node's just waits).
 */
export interface Stage<T> {
  readonly subject: T
  run<R>(scenario: Promise<R>): Promise<R>
  /** Takes down what the stage set up. */
  end?(): Promise<void>
}

export type MakeStage<T> = () => Stage<T> | Promise<Stage<T>>

/** A test of the contract: `scenario` may await anything of the stage's subject, and `skip` what is not to be had here. */
export function holds<T>(
  name: string,
  make: MakeStage<T>,
  scenario: (subject: T, skip: (why: string) => never) => Promise<void>,
): void {
  it(name, async ({ skip }) => {
    const stage = await make()
    try {
      await stage.run(scenario(stage.subject, skip))
    } finally {
      await stage.end?.()
    }
  })
}

/** Notes what happened, and lets a test wait until enough has. */
export class Waiter {
  readonly #waiting = new Set<() => void>()

  /** Something happened: look again. */
  notify(): void {
    for (const look of [...this.#waiting]) look()
  }

  /** Resolves once `ready` says so. */
  until(ready: () => boolean): Promise<void> {
    const { promise: reached, resolve } = deferred()
    const look = (): void => {
      if (!ready()) return
      this.#waiting.delete(look)
      resolve()
    }
    this.#waiting.add(look)
    look()
    return reached
  }
}
