import { join } from "node:path"
import { Stopwatch } from "./clock.mjs"

const PIECE_LENGTH = 16_384
const ROUNDS = 200

/** The memory for open pieces: taking all of it for the first time, and then again and again. */
export async function slots(dist) {
  const { Slots } = await import(join(dist, "storage/slots.js"))
  const memory = new Slots({ pieceLength: PIECE_LENGTH, budget: 64 * 2 ** 20 })
  const [first, acquire, release] = [new Stopwatch(), new Stopwatch(), new Stopwatch()]
  const held = []
  const takeAll = () => {
    for (let i = 0; i < memory.capacity; i++) held.push(memory.acquire())
  }
  const giveAll = () => {
    for (const slot of held) memory.release(slot)
    held.length = 0
  }
  first.time(memory.capacity, takeAll)
  giveAll()
  for (let round = 0; round < ROUNDS; round++) {
    acquire.time(memory.capacity, takeAll)
    release.time(memory.capacity, giveAll)
  }
  return [first.row("acquire for the first time, 16 KiB"), acquire.row("acquire again"), release.row("release")]
}
