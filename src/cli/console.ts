import { escapeForTerminal } from "../bytes/text.js"
import type { AtError } from "../errors.js"
import { isError } from "../errors.js"
import { nodeClock } from "../node/clock.js"
import { createLog } from "../node/log.js"
import type { Log } from "../ports/log.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import { colours } from "./colours.js"
import { withFlags } from "./hint-flags.js"
import { LineView, LiveView, type ProgressView } from "./progress-view.js"

/** How much a user wants to be told. */
export interface Verbosity {
  readonly json?: boolean | undefined
  readonly quiet?: boolean | undefined
  /** How often `-v` was given. */
  readonly verbose?: number | undefined
}

/**
 * What a command says: the result alone on standard output, talk and progress on standard error. With `--json`, objects
 * on standard output, one a line.
 */
export class Console {
  readonly json: boolean
  readonly #quiet: boolean
  readonly #verbose: number
  readonly #view: ProgressView | undefined

  constructor({ json = false, quiet = false, verbose = 0 }: Verbosity) {
    this.json = json
    this.#quiet = quiet
    this.#verbose = verbose
    if (json || quiet) return
    const { stderr } = process
    const target = {
      write: (text: string) => void stderr.write(text),
      get columns() {
        return stderr.isTTY ? stderr.columns : undefined
      },
    }
    // A dumb terminal has no cursor that moves.
    const isLive = stderr.isTTY && process.env["TERM"] !== "dumb"
    this.#view = isLive ? new LiveView(target) : new LineView(target, nodeClock.now)
  }

  /** The log for the engine: warnings and news with `-v`, everything with `-vv`; without, only notices, for people. */
  get log(): Log | undefined {
    if (this.#verbose === 0 && (this.json || this.#quiet)) return undefined
    const level = this.#verbose > 1 ? "debug" : this.#verbose > 0 ? "info" : "notice"
    return createLog({ level, write: (line) => this.#above(colours.dim(line)) })
  }

  /** Something on the way to the result, for people. */
  say(text: string): void {
    if (!this.json && !this.#quiet) this.#above(`${text}\n`)
  }

  progress(progress: ProgressSnapshot): void {
    if (this.json && !this.#quiet) this.emit({ type: "progress", ...progress })
    else this.#view?.show(progress)
  }

  /** The result, for people or scripts. */
  result(text: string): void {
    this.#view?.clear()
    process.stdout.write(`${text}\n`)
  }

  /** A JSON object on a line of its own. */
  emit(object: object): void {
    process.stdout.write(`${JSON.stringify(object)}\n`)
  }

  error(error: AtError): void {
    const hint = withFlags(error.hint)
    if (this.json) {
      this.emit({ type: "error", code: error.code, message: error.message, hint })
      return
    }
    this.#above(
      `${colours.red("error:")} ${escapeForTerminal(error.message)}\n${colours.dim("what to do:")} ${escapeForTerminal(hint)}\n`,
    )
    if (this.#verbose === 0) return
    for (let cause = error.cause; isError(cause); cause = cause.cause) {
      process.stderr.write(colours.dim(`cause: ${escapeForTerminal(cause.message)}\n`))
    }
    if (error.code === "AT_BUG" && error.stack !== undefined) process.stderr.write(colours.dim(`${error.stack}\n`))
  }

  /** A table that was asked for, for people. */
  table(text: string): void {
    this.#above(`${text}\n`)
  }

  /** Ends the live view. */
  end(): void {
    this.#view?.clear()
  }

  #above(text: string): void {
    this.#view?.clear()
    process.stderr.write(text)
  }
}
