/**
 * Numbers for shared memory, so that it crosses to a worker once. It is not kept alive here: when it is gone,
 * `onGone` is told, so that the workers let go of it too.
 */
export class SharedMemories {
  readonly #ids = new WeakMap<SharedArrayBuffer, number>()
  readonly #registry: FinalizationRegistry<number>
  #next = 0

  constructor(onGone: (id: number) => void) {
    this.#registry = new FinalizationRegistry(onGone)
  }

  idOf(memory: SharedArrayBuffer): number {
    let id = this.#ids.get(memory)
    if (id === undefined) {
      id = this.#next++
      this.#ids.set(memory, id)
      this.#registry.register(memory, id)
    }
    return id
  }
}
