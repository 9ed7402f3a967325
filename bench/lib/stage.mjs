import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"

/** A program that prepares a run has so long to say that it is ready, ms. */
const READY_TIMEOUT = 60_000

const open = new Set()

/** Ends and removes everything, at once. */
export function clearAll() {
  for (const stage of open) for (const program of stage.programs) program.kill()
  for (const stage of open) rmSync(stage.folder, { recursive: true, force: true, maxRetries: 5 })
}

/**
 * What a job or one run of a client starts and writes: a temporary folder, and programs in process groups of their own.
 * `close` ends and removes all of it.
 */
export class Stage {
  /** @param {string} parent folder in which all temporary files lie */
  constructor(parent) {
    this.folder = mkdtempSync(join(parent, "at-bench-"))
    this.programs = new Set()
    this.count = 0
    open.add(this)
  }

  /** A path that nobody else uses. */
  path(name) {
    return join(this.folder, `${++this.count}-${name}`)
  }

  /** A new folder that nobody else uses. */
  directory(name) {
    const path = this.path(name)
    mkdirSync(path)
    return path
  }

  /**
   * Starts a program that stays until it is stopped. The kernel ends it when we are killed ourselves.
   *
   * @param {string[]} command
   * @param {{ready?: RegExp, through?: string[], cwd?: string, env?: object}} options `ready`: waits for that output
   */
  async start(command, { ready, through = [], cwd = this.folder, env = process.env } = {}) {
    const line = [...through, "setpriv", "--pdeathsig", "TERM", ...command]
    const program = new Program(spawn(line[0], line.slice(1), { cwd, env, detached: true }))
    this.programs.add(program)
    void program.ended.then(() => this.programs.delete(program))
    if (ready !== undefined) program.match = await program.until(ready)
    return program
  }

  async close() {
    await Promise.all([...this.programs].map((program) => program.stop()))
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
    open.delete(this)
  }
}

class Program {
  constructor(child) {
    this.child = child
    this.pid = child.pid
    this.output = ""
    child.stdin.on("error", () => {})
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.output = (this.output + text).slice(-65536)
      })
    }
    /** Resolves with the exit code. */
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => {
        this.output += error
        resolve(127)
      })
      child.once("close", (code) => resolve(code ?? 128))
    })
  }

  /** Waits for output that matches; `timeout` in ms. */
  until(pattern, timeout = READY_TIMEOUT) {
    return new Promise((resolve, reject) => {
      const fail = (reason) => reject(new Error(`${this.child.spawnargs.join(" ")}: ${reason}\n${this.output}`))
      const timer = setTimeout(() => fail(`no ${pattern} within ${timeout / 1000} s`), timeout)
      const look = () => {
        const match = pattern.exec(this.output)
        if (match === null) return
        clearTimeout(timer)
        resolve(match)
      }
      this.child.stdout.on("data", look)
      this.child.stderr.on("data", look)
      void this.ended.then((code) => {
        clearTimeout(timer)
        fail(`ended with ${code}`)
      })
      look()
    })
  }

  kill() {
    try {
      process.kill(-this.pid, "SIGKILL")
    } catch {
      // It has ended.
    }
  }

  async stop() {
    this.kill()
    await this.ended
  }
}
