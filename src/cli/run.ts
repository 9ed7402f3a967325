import { AtError, messageOf } from "../errors.js"
import { Console, type Verbosity } from "./console.js"
import { exitCode } from "./exit-code.js"
import { StopSignals } from "./stop-signals.js"

/** What a command works with. */
export interface CommandContext {
  readonly console: Console
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal
  /** Something was fetched. */
  onFetched(): void
}

/** What is said when the user stops a command. */
export interface Farewell {
  /** At the signal. */
  readonly stopping: string
  /** At the end. */
  readonly stopped: string
  /** What the user can do then, if there is more to it than beginning anew. */
  readonly next?: string
}

/** Of a command that fetches: it leaves something that the next run goes on from. */
export const GOES_ON: Farewell = {
  stopping: "stopping: saving what has arrived",
  stopped: "stopped",
  next: "run the same command again to continue",
}

/** Runs a command's work: reports its error, and sets the exit code. */
export type Run = (
  verbosity: Verbosity,
  farewell: Farewell,
  work: (context: CommandContext) => Promise<void>,
) => Promise<void>

/** `onFetched` hears that a command fetched something. */
export function createRun(onFetched: () => void): Run {
  return (verbosity, farewell, work) => run(verbosity, farewell, (context) => work({ ...context, onFetched }))
}

async function run(
  verbosity: Verbosity,
  farewell: Farewell,
  work: (context: Omit<CommandContext, "onFetched">) => Promise<void>,
): Promise<void> {
  const console = new Console(verbosity)
  const stop = new StopSignals(() => console.say(`${farewell.stopping} (stop it again to end at once)`))
  try {
    await work({ console, signal: stop.signal })
    console.end()
    // A command may have set one for what it found.
    process.exitCode = stop.exitCode ?? process.exitCode ?? 0
  } catch (cause) {
    const error = asAtError(cause)
    console.end()
    const wasStopped = error.code === "AT_ABORTED" && stop.exitCode !== undefined
    if (!wasStopped) console.error(error)
    else sayStopped(farewell, { console, stop, cause })
    process.exitCode = stop.exitCode ?? exitCode(error.code)
  }
}

function sayStopped(
  { stopped, next }: Farewell,
  { console, stop, cause }: { console: Console; stop: StopSignals; cause: unknown },
): void {
  const hint = next ?? "run the same command again to start over"
  if (console.json) console.error(new AtError("AT_ABORTED", stopped, { hint, cause }))
  else if (stop.byUser) console.say(next === undefined ? stopped : `${stopped}; ${next}`)
}

function asAtError(cause: unknown): AtError {
  if (cause instanceof AtError) return cause
  const message = messageOf(cause)
  return new AtError("AT_BUG", `an error in this program: ${message}`, {
    hint: "please report this, with the output of -vv",
    cause,
  })
}
