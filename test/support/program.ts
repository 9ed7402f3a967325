import { type ChildProcess, spawn } from "node:child_process"
import { accessSync, constants, readFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

export interface ProgramOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** What the command is run through, such as `Netns.enter`. */
  through?: readonly string[]
  /** It is killed after so many seconds, whatever happens to us; 300 when absent. */
  maxSeconds?: number
}

const KEPT_OUTPUT = 64 * 1024
const running = new Set<Program>()

process.once("exit", () => {
  for (const program of running) program.kill()
})

/** The path of a program, or undefined. Looks in the administrator's folders too, where servers are. */
export function findProgram(name: string): string | undefined {
  const { PATH = "" } = process.env
  const folders = [...PATH.split(delimiter), "/usr/bin", "/usr/sbin", "/sbin"]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/**
 * Another program, with all its children in a process group of its own.
 *
 * It can't outlive its use: `stop` and our exit kill the group; when we are killed ourselves, the kernel signals
 * `timeout`, which ends the group; and `timeout` ends it after `maxSeconds` in any case.
 */
export class Program {
  readonly name: string
  readonly pid: number
  /** Resolves with the exit code, or 128 + N after signal N's kind of end. */
  readonly exited: Promise<number>
  #child: ChildProcess
  #output = ""
  #ended = false
  #listeners = new Set<() => void>()

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.name = command
    const line = [
      ...(options.through ?? []),
      ...["setpriv", "--pdeathsig", "TERM"],
      ...["timeout", "--kill-after=1", String(options.maxSeconds ?? 300)],
      ...[findProgram(command) ?? command, ...args],
    ]
    this.#child = spawn(line[0]!, line.slice(1), {
      cwd: options.cwd,
      env: options.env ?? process.env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    })
    this.pid = this.#child.pid ?? 0
    running.add(this)
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8")
      stream?.on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT)
        this.#wake()
      })
    }
    this.exited = new Promise((resolve) => {
      const end = (code: number): void => {
        this.#ended = true
        running.delete(this)
        this.#wake()
        resolve(code)
      }
      this.#child.once("error", (error) => {
        this.#output += String(error)
        end(127)
      })
      this.#child.once("close", (code) => end(code ?? 128))
    })
  }

  /** The last 64 KiB of standard output and standard error. */
  get output(): string {
    return this.#output
  }

  /** Waits for output that matches. Rejects with the output when the program ends first or takes too long. */
  async until(pattern: RegExp, seconds = 60): Promise<RegExpExecArray> {
    const late = AbortSignal.timeout(seconds * 1000)
    const wake = (): void => this.#wake()
    late.addEventListener("abort", wake)
    try {
      for (;;) {
        const match = pattern.exec(this.#output)
        if (match !== null) return match
        if (this.#ended) throw this.failure(`ended without ${pattern}`)
        if (late.aborted) throw this.failure(`no ${pattern} within ${seconds} s`)
        await new Promise<void>((resolve) => this.#listeners.add(resolve))
      }
    } finally {
      late.removeEventListener("abort", wake)
    }
  }

  /** Asks again and again, for what shows only on the disk or in the kernel. */
  async poll(what: string, check: () => boolean, seconds = 60): Promise<void> {
    const end = performance.now() + seconds * 1000
    while (!check()) {
      if (this.#ended) throw this.failure(`ended before ${what}`)
      if (performance.now() > end) throw this.failure(`not ${what} within ${seconds} s`)
      await sleep(25)
    }
  }

  /** Waits for the end and wants exit code 0. */
  async succeeded(seconds: number): Promise<void> {
    const timer = setTimeout(() => this.kill(), seconds * 1000)
    const code = await this.exited
    clearTimeout(timer)
    if (code !== 0) throw this.failure(`exit code ${code}`)
  }

  failure(reason: string): Error {
    return new Error(`${this.name}: ${reason}\n${this.#output.slice(-4000)}`)
  }

  kill(): void {
    if (this.#ended || this.pid === 0) return
    try {
      process.kill(-this.pid, "SIGKILL")
    } catch {
      // It ended between the two lines.
    }
  }

  /** Asks the program itself, not those that watch it, to end in order. */
  async terminate(): Promise<number> {
    const [child] = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, "utf8").split(" ")
    process.kill(Number(child), "SIGTERM")
    return this.exited
  }

  async stop(): Promise<void> {
    this.kill()
    await this.exited
  }

  #wake(): void {
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener()
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
