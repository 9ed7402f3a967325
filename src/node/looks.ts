import * as fs from "node:fs"
import type { FileStat } from "../ports/disk.js"
import { nodeClock } from "./clock.js"
import { toDiskError } from "./disk-error.js"
import { toFileStat } from "./file.js"

/** ms that looks may hold up the event loop in one turn of it. */
const TURN_BUDGET = 5
/** ms. What takes longer was not in memory: it waited for a disk or a server. */
const SLOW = 0.25
/** Looks that go to threads after a slow one: where one waits, its neighbours do. Twice as many each time, up to the most. */
const FEWEST_TO_THREADS = 16
const MOST_TO_THREADS = 1024

/** How to look at a path: undefined when nothing is there. Throws or rejects with DiskError. */
export interface Looking {
  here(path: string): FileStat | undefined
  inThread(path: string): Promise<FileStat | undefined>
  /** ms. */
  now(): number
}

/**
 * Looks at paths, without following links.
 *
 * Of a dataset of many files the system has most in memory, and answers in microseconds. Handing the question to a thread
 * takes several times that, so it is asked on the spot, for as long as the answers come fast.
 */
export class Looks {
  readonly #looking: Looking
  /** ms left for this turn. */
  #budget = TURN_BUDGET
  #nextTurn: Promise<void> | undefined
  /** Looks that go to threads before one is made on the spot again. */
  #toThreads = 0
  #afterSlow = FEWEST_TO_THREADS

  constructor(looking: Looking = MACHINE) {
    this.#looking = looking
  }

  /** Undefined when nothing is there. Rejects with DiskError. */
  async at(path: string): Promise<FileStat | undefined> {
    while (this.#budget <= 0) await this.#nextTurn
    if (this.#toThreads > 0) {
      this.#toThreads--
      return this.#looking.inThread(path)
    }
    this.#nextTurn ??= this.#turn()
    const began = this.#looking.now()
    try {
      return this.#looking.here(path)
    } finally {
      this.#took(this.#looking.now() - began)
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#budget = TURN_BUDGET
        this.#nextTurn = undefined
        resolve()
      })
    })
  }

  #took(time: number): void {
    this.#budget -= time
    if (time > SLOW) {
      this.#toThreads = this.#afterSlow
      this.#afterSlow = Math.min(2 * this.#afterSlow, MOST_TO_THREADS)
    } else this.#afterSlow = FEWEST_TO_THREADS
  }
}

/** The machine's file system. */
export const MACHINE: Looking = { here, inThread, now: nodeClock.now }

function here(path: string): FileStat | undefined {
  try {
    const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })
    return stats === undefined ? undefined : toFileStat(stats)
  } catch (error) {
    throw toDiskError(error, "look at", path)
  }
}

function inThread(path: string): Promise<FileStat | undefined> {
  return new Promise((resolve, reject) => {
    fs.lstat(path, { bigint: true }, (error, stats) => {
      if (error === null) resolve(toFileStat(stats))
      else if (error.code === "ENOENT") resolve(undefined)
      else reject(toDiskError(error, "look at", path))
    })
  })
}
