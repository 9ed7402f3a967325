import { getHeapStatistics } from "node:v8"
import { must } from "./expect.js"

/** Processor time that an input may take: ms, and ms a KiB. Far above what any takes, far below what a quadratic one does. */
const TIME = 200
const TIME_PER_KIB = 10
/** Memory that may be taken in the meantime, whether it is freed or not: bytes, and bytes a byte. */
const MEMORY = 8 << 20
const MEMORY_PER_BYTE = 1024
/** Only what took longer on the clock is looked at closely, ms: the clock is cheap, but counts what others do too. */
const SUSPICIOUS = 50
/** The best of so many: the first run of something compiles it. */
const TRIES = 3

/** Runs a check; throws what it throws, and when it takes more time or memory than its input deserves. */
export function bounded(check: (input: Uint8Array) => void, input: Uint8Array): void {
  const before = memory()
  const start = performance.now()
  check(input)
  const took = performance.now() - start
  const used = memory() - before
  const kib = input.length / 1024
  if (used > MEMORY + MEMORY_PER_BYTE * input.length) {
    must(
      !repeats(() => takes(check, input) > MEMORY + MEMORY_PER_BYTE * input.length),
      `it takes ${used} bytes of memory`,
    )
  }
  if (took > SUSPICIOUS + TIME_PER_KIB * kib) {
    const limit = TIME + TIME_PER_KIB * kib
    must(!repeats(() => processorTime(check, input) > limit), `it takes ${Math.round(took)} ms`)
  }
}

function repeats(exceeds: () => boolean): boolean {
  for (let i = 0; i < TRIES; i++) if (!exceeds()) return false
  return true
}

function takes(check: (input: Uint8Array) => void, input: Uint8Array): number {
  const before = memory()
  check(input)
  return memory() - before
}

function processorTime(check: (input: Uint8Array) => void, input: Uint8Array): number {
  const before = process.cpuUsage()
  check(input)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function memory(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}
