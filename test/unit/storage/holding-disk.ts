import type { DiskOperation } from "../../sim/lib/disk-faults.js"
import { MemoryDisk } from "../../sim/lib/memory-disk.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { type Deferred, deferred } from "../../support/deferred.js"
import { World } from "./fixture.js"

type Asked = Omit<DiskOperation, "index">

/** A disk that may be slow with what a test chooses. */
export class HoldingDisk extends MemoryDisk {
  #held: { readonly matches: (asked: Asked) => boolean; readonly released: Deferred<void> } | undefined
  /** So many operations were held, and may be still. */
  held = 0

  /** Those that match wait until `release` is called. */
  slow(matches: (asked: Asked) => boolean): { release: () => void } {
    const released = deferred()
    this.#held = { matches, released }
    return {
      release: () => {
        this.#held = undefined
        released.resolve()
      },
    }
  }

  override async operate<T>(asked: Asked, effect: () => T, onFault?: () => void): Promise<T> {
    const held = this.#held
    if (held?.matches(asked) === true) {
      this.held++
      await held.released.promise
    }
    return super.operate(asked, effect, onFault)
  }
}

/** One process on such a disk. */
export function holdingWorld(seed = 1): { readonly world: World; readonly disk: HoldingDisk } {
  const made: HoldingDisk[] = []
  const world = new World({
    seed,
    disk: (clock) => {
      const disk = new HoldingDisk({ clock, random: new SimRandom(seed) })
      made.push(disk)
      return disk
    },
  })
  return { world, disk: made[0]! }
}
