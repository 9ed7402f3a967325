import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import ts from "typescript"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { built, ROOT } from "./command.js"
import { Stage } from "./stage.js"

const README = "README.md"
const OF_COMMANDS = [README, "docs/commands.md"]
const PAGES = [...OF_COMMANDS, "docs/library.md"]

const read = (page: string): string => readFileSync(join(ROOT, page), "utf8")

/** What stands between fences of a language. */
const blocksOf = (page: string, language: string): string[] =>
  [...read(page).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, block]) => block!)

const optionsIn = (text: string): Set<string> => new Set(text.match(/(?<![\w-])--[a-z][a-z-]+/g))

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
})

describe("the documentation of the commands", () => {
  it("names the options that there are, and no others", async () => {
    const { stdout } = await stage.run(["--help"])
    const commands = [...stdout.matchAll(/^ {2}(\w+) .*(?:target|path)>/gm)].map(([, name]) => name!)
    expect(commands.length).toBeGreaterThan(4)
    const helps = await Promise.all(commands.map((command) => stage.run([command, "--help"])))
    const there = optionsIn(helps.map((help) => help.stdout).join())
    const documented = optionsIn(OF_COMMANDS.map(read).join())
    // Of `create`: the page shows it as -o FILE.
    documented.add("--output").add("--help")
    expect([...documented].sort()).toEqual([...there].sort())
  })

  it("shows lines in the README that the commands understand", async () => {
    const { torrent } = await stage.publish("data", 1000)
    const shown = blocksOf(README, "console").flatMap((block) => block.split("\n"))
    const lines = shown.filter((line) => /^\$ (?:cd "\$\()?(?:at-get|academictorrents) /.test(line))
    expect(lines.length).toBeGreaterThan(7)
    const functions = (["at-get", "academictorrents"] as const).map(
      (program) => `${program}() { ${built(program).join(" ")} "$@" --offline; echo "exit $?" >&2; }`,
    )
    for (const line of lines) {
      const script = `${functions.join("\n")}\n${line.slice(2).replaceAll("HASH", torrent.infoHash)}`
      const { stderr } = await stage.startProgram(["bash", "-c", script]).ended
      // Nothing is on this machine; 2 would be wrong use.
      expect(stderr, line).toMatch(/^exit [34]$/m)
    }
  })
})

describe("the documentation of the library", () => {
  it("shows programs that TypeScript takes", () => {
    const folder = mkdtempSync(join(tmpdir(), "at-documented-"))
    try {
      mkdirSync(join(folder, "node_modules/@types"), { recursive: true })
      symlinkSync(ROOT, join(folder, "node_modules/academictorrents"))
      symlinkSync(join(ROOT, "node_modules/@types/node"), join(folder, "node_modules/@types/node"))
      const names = PAGES.flatMap((page) => blocksOf(page, "ts")).map((block, index) => {
        const name = join(folder, `${index}.mts`)
        writeFileSync(name, asProgram(block))
        return name
      })
      expect(names.length).toBeGreaterThan(6)
      expect(faultsOf(names)).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** A program of its own: with what its text takes for granted. */
function asProgram(block: string): string {
  const before = []
  if (!block.includes("import ")) before.push('import * as at from "academictorrents"')
  if (!block.includes("const dataset")) before.push("declare const dataset: at.Dataset")
  if (!block.includes("const hash")) before.push("declare const hash: string")
  return [...before, block, "export {}"].join("\n")
}

/** What a compiler of the strict kind finds wrong, as a user of the package would have it. */
function faultsOf(names: readonly string[]): string[] {
  const program = ts.createProgram(names, {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
  })
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const where = file === undefined ? "" : `${file.fileName}:\n${file.text}\n`
    return where + ts.flattenDiagnosticMessageText(messageText, "\n")
  })
}
