import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { exitCode } from "../../../src/cli/exit-code.js"
import type { AtErrorCode } from "../../../src/errors.js"

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")

/** The errors that there are. */
const ERRORS = [...read("src/errors.ts").matchAll(/^ {2}\| "(AT_\w+)"$/gm)].map(([, error]) => error as AtErrorCode)

/** Lines of the table for users: exit codes, and the errors that they stand for. */
const TABLE = [...read("docs/commands.md").matchAll(/^\| ([\d, ]+?) +\|.*\| (`AT_.*`) +\|$/gm)].map(
  ([, exits, errors]) => ({ exits: exits!.split(", ").map(Number), errors: errors! }),
)

describe("the exit code", () => {
  it.each(ERRORS)("for %s is the one that the table for users says", (error) => {
    const promised = TABLE.filter(({ errors }) => errors.includes(`\`${error}\``)).flatMap(({ exits }) => exits)
    // Who stops a command by a signal gets that signal's; those of others are tested with the commands.
    expect(promised).toEqual(error === "AT_ABORTED" ? [129, exitCode(error), 143] : [exitCode(error)])
  })

  it("is promised for no other error", () => {
    const named = TABLE.flatMap(({ errors }) => errors.match(/AT_\w+/g) ?? [])
    expect(new Set(named)).toEqual(new Set(ERRORS))
    expect(ERRORS).toContain("AT_BUG")
  })
})
