import { Command, CommanderError } from "commander"
import { VERSION } from "../node/version.js"
import { addCreate } from "./commands/create.js"
import { addGet } from "./commands/get.js"
import { addInfo } from "./commands/info.js"
import { addSeed } from "./commands/seed.js"
import { addVerify } from "./commands/verify.js"
import { run } from "./run.js"

/** Wrong use: unknown option, missing argument. */
const WRONG_USE = 2

/** Runs the command line: `args` are those after the program's name. Ends the process. */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command("academictorrents")
    .description("Get, check, read and share datasets from Academic Torrents.")
    .version(VERSION)
    .showHelpAfterError("(see --help)")
    .exitOverride()
  for (const add of [addGet, addInfo, addVerify, addSeed, addCreate]) add(program, run)
  try {
    await program.parseAsync([...args], { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USE
  }
  // A pipe takes what was written in its own time; everything else has been closed by now.
  await Promise.all([flushed(process.stdout), flushed(process.stderr)])
  process.exit()
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve())
  })
}
