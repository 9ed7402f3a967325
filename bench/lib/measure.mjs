import { fileURLToPath } from "node:url"

const SCRIPT = fileURLToPath(new URL("./measure.py", import.meta.url))

/** It keeps the time itself, and is given some more to say so, seconds. */
const SLACK = 30

/**
 * @typedef {object} Launch how a client is run
 * @property {string[]} command
 * @property {object} [env]
 * @property {string} [mark] it is done when this file exists; without `mark` and `says`, when it ends with exit code 0
 * @property {string} [says] it is done when it has said this
 * @property {boolean} [openFiles] needs the most open files that the machine allows
 *
 * @typedef {{seconds: number, cpu: number, rss: number, anon: number}} Sample bytes of memory at their peak
 */

/**
 * Runs a client to its end and says what it took.
 *
 * @param {import("./stage.mjs").Stage} stage
 * @param {Launch} launch
 * @param {number} timeout seconds
 * @returns {Promise<Sample>}
 */
export async function measure(stage, launch, timeout) {
  const running = await startMeasured(stage, launch, timeout)
  return running.result()
}

/**
 * The same for several at once: each goes on when it is complete, until `result` is asked for.
 *
 * @param {{hold?: boolean, through?: string[]}} [options] `through`: a command that runs it elsewhere
 */
export async function startMeasured(stage, { command, env, ...rest }, timeout, { hold = false, through } = {}) {
  const job = { command, ...rest, timeout, hold, log: stage.path("log") }
  const program = await stage.start(["/usr/bin/python3", SCRIPT, JSON.stringify(job)], { env, through })
  return {
    /** Resolves when it is complete or has failed; with `hold` alone. */
    complete: () => program.until(/^complete$/m, 1000 * (timeout + SLACK)).catch(() => {}),
    async result() {
      program.child.stdin.end()
      const code = await program.ended
      if (code !== 0) throw new Error(`${command.join(" ")}: ${program.output}`)
      const { failed, output, ...sample } = JSON.parse(program.output.trim().split("\n").at(-1))
      if (failed !== undefined) throw new RunFailure(failed, output)
      return sample
    },
  }
}

/** A client that did not do its job: the others go on without it. */
export class RunFailure extends Error {
  constructor(reason, output = "") {
    super(reason)
    this.output = output
  }
}
