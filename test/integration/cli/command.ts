import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { findProgram } from "../../support/program.js"

/** The repository, where the package can import itself by its name. */
export const ROOT = fileURLToPath(new URL("../../..", import.meta.url))
const BUILT = fileURLToPath(new URL("../../../dist/cli/", import.meta.url))
if (!existsSync(BUILT)) throw new Error("dist/ is absent: run `npm run build` first")

/** ms between two looks at what only polling shows. */
const POLL = 20

/** How a command ended. */
export interface Outcome {
  /** The exit code; 128 and above also for a signal that killed it, as a shell says it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string | undefined
  /** What it is run through: `["sh", "-c", 'umask 027; exec "$@"', "sh"]`. */
  readonly through?: readonly string[] | undefined
  /** It is killed after so many seconds, and its outcome is an error; 60 when absent. */
  readonly maxSeconds?: number | undefined
}

/** A test run that is killed takes its commands with it; each of these programs becomes the next, so the pid is ours. */
const TIED = findProgram("setpriv") === undefined ? [] : ["setpriv", "--pdeathsig", "KILL"]

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

/** A command as users run it: a process with its two outputs apart. */
export class Command {
  readonly pid: number
  /** Resolves when it ended and all of its output was read; rejects when it took too long. */
  readonly ended: Promise<Outcome>
  readonly #child: ChildProcess
  #stdout = ""
  #stderr = ""
  #over = false

  /** `command` is the program and its arguments. */
  constructor(command: readonly string[], options: CommandOptions) {
    const line = [...TIED, ...(options.through ?? []), ...command]
    this.#child = spawn(line[0]!, line.slice(1), {
      cwd: options.cwd ?? ROOT,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
    })
    this.pid = this.#child.pid ?? 0
    running.add(this.#child)
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text
    })
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text
    })
    const seconds = options.maxSeconds ?? 60
    this.ended = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#child.kill("SIGKILL")
        reject(this.failure(`still running after ${seconds} s`))
      }, seconds * 1000)
      const end = (): void => {
        clearTimeout(timer)
        running.delete(this.#child)
        this.#over = true
      }
      this.#child.once("error", (error) => {
        end()
        reject(error)
      })
      this.#child.once("close", (code, signal) => {
        end()
        const signalled = { SIGKILL: 137, SIGTERM: 143, SIGINT: 130 }[String(signal)] ?? 128
        resolve({ code: code ?? signalled, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
    // Who waits for the end gets the failure; who only polls has his own.
    this.ended.catch(() => {})
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Waits until `check` holds, while the command runs. */
  async until(what: string, check: () => boolean, seconds = 30): Promise<void> {
    const end = performance.now() + seconds * 1000
    while (!check()) {
      if (this.#over) throw this.failure(`ended before ${what}`)
      if (performance.now() > end) throw this.failure(`not ${what} within ${seconds} s`)
      await sleep(POLL)
    }
  }

  /** Waits for the end, and wants this exit code. */
  async exits(code: number): Promise<Outcome> {
    const outcome = await this.ended
    if (outcome.code !== code) throw this.failure(`exit code ${outcome.code} instead of ${code}`)
    return outcome
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Ends it, whatever it is doing. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL")
    await this.ended.catch(() => {})
  }

  failure(reason: string): Error {
    return new Error(
      `${this.#child.spawnargs.slice(1).join(" ")}: ${reason}\n--- standard output\n${this.#stdout.slice(-2000)}\n--- standard error\n${this.#stderr.slice(-4000)}`,
    )
  }
}

/** The objects of a `--json` command, all of whose lines must parse. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** How a built command is called. */
export function built(program: "at-get" | "academictorrents"): readonly string[] {
  return [process.execPath, `${BUILT}${program}.js`]
}
