import { Command, CommanderError } from "commander"
import { looksLikePath, parseTarget } from "../dataset/target.js"
import { AtError } from "../errors.js"
import { VERSION } from "../node/version.js"
import { Console } from "./console.js"
import { exitCode } from "./exit-code.js"
import { type LostOutput, lostOutput } from "./lost-output.js"
import { createRun, type Run } from "./run.js"
import type { KeepCode } from "./start.js"
import { obeySignals } from "./stop-signals.js"

/** Seconds. In longer runs V8 drops the code of what has not run for a while: the start's, above all. */
const SHORT_RUN = 10

/** Runs a command line that `define` makes: `args` are those after the program's name. Ends the process. */
export async function main(
  name: string,
  define: (program: Command, run: Run) => void,
  args: readonly string[],
  keepCode: KeepCode,
): Promise<void> {
  // Who reads them may go away, as `head` does: that is no fault. What a running command makes of it is its run's.
  let lost: LostOutput | undefined
  process.stdout.on("error", (error) => {
    lost ??= lostOutput(error)
  })
  process.stderr.on("error", () => {})
  let hasFetched = false
  const program = new Command(name)
    .version(VERSION)
    // What is wrong is said once, below, in the form of all our errors.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
  const run = createRun(() => {
    hasFetched = true
  })
  define(program, run)
  try {
    await program.parseAsync([...args], { from: "user" })
    if (process.exitCode === 0) keepCode(hasFetched && process.uptime() < SHORT_RUN)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : wrongUse(error, program, args)
  }
  // A pipe takes what was written in its own time; everything else has been closed by now.
  await flushed(process.stdout)
  if (lost?.error !== undefined) new Console({}).error(lost.error)
  if (lost !== undefined) process.exitCode ||= lost.code
  await flushed(process.stderr)
  obeySignals()
  process.exit()
}

/** Unknown option, missing argument: says so, and returns the exit code. */
function wrongUse(cause: CommanderError, program: Command, args: readonly string[]): number {
  const named = args.find((argument) => !argument.startsWith("-"))
  const subcommand = program.commands.find((command) => command.name() === named)
  const line = subcommand === undefined ? program.name() : `${program.name()} ${subcommand.name()}`
  const message = cause.code === "commander.help" ? "no command was given" : cause.message.replace(/^error: /, "")
  const isBareTarget = cause.code === "commander.unknownCommand" && named !== undefined && namesDataset(named)
  const hint = isBareTarget ? `to download a dataset: ${line} get TARGET` : `see ${line} --help`
  const error = new AtError("AT_INVALID_INPUT", message.replaceAll("\n", " "), { hint, cause })
  new Console({ json: args.includes("--json") }).error(error)
  return exitCode(error.code)
}

/** Whether it is a target, and by no chance a command that is misspelt. */
function namesDataset(text: string): boolean {
  try {
    return parseTarget(text).kind !== "file" || looksLikePath(text)
  } catch {
    return false
  }
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve())
  })
}
