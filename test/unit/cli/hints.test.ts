import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Command } from "commander"
import ts from "typescript"
import { describe, expect, it } from "vitest"
import { addCreate } from "../../../src/cli/commands/create.js"
import { addGet } from "../../../src/cli/commands/get.js"
import { addInfo } from "../../../src/cli/commands/info.js"
import { addSeed } from "../../../src/cli/commands/seed.js"
import { addVerify } from "../../../src/cli/commands/verify.js"
import { withFlags } from "../../../src/cli/hint-flags.js"

const SOURCE = fileURLToPath(new URL("../../../src", import.meta.url))

/** A text in the source, and where it stands. */
interface Text {
  readonly at: string
  readonly text: string
}

/** The fixed parts of all texts that an expression may become. */
function textsIn(node: ts.Node, at: string): Text[] {
  const texts: Text[] = []
  const visit = (part: ts.Node): void => {
    if (ts.isStringLiteralLike(part) || ts.isTemplateHead(part) || ts.isTemplateMiddleOrTemplateTail(part)) {
      texts.push({ at, text: part.text })
    }
    ts.forEachChild(part, visit)
  }
  visit(node)
  return texts
}

/** What errors advise: all that is given as a `hint`, here or through a constant, and the remedies of locks. */
function hintsIn(source: ts.SourceFile, file: string): Text[] {
  const constants = new Map<string, ts.Expression>()
  const hints: Text[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined) {
      constants.set(node.name.text, node.initializer)
    }
    if (ts.isPropertyAssignment(node) && node.name.getText() === "hint") {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart())
      const { initializer } = node
      const named = ts.isIdentifier(initializer) ? constants.get(initializer.text) : undefined
      hints.push(...textsIn(named ?? initializer, `${file}:${line + 1}`))
    }
    if (ts.isNewExpression(node) && node.expression.getText() === "LockedError") {
      hints.push(...textsIn(node.arguments![2]!, file))
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return hints
}

const sources = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => {
    const code = readFileSync(join(SOURCE, file), "utf8")
    return { file, source: ts.createSourceFile(file, code, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS) }
  })
const hints = sources.flatMap(({ file, source }) => hintsIn(source, file))
const texts = sources.flatMap(({ file, source }) => textsIn(source, file))

/** What the commands take. */
function flagsOfCommands(): Set<string | null | undefined> {
  const program = new Command()
  for (const add of [addGet, addInfo, addVerify, addSeed, addCreate]) add(program, async () => {})
  const options = program.commands.flatMap((command) => command.options)
  return new Set(["--help", ...options.map(({ long }) => long)])
}

/** What the library takes. */
function namesOfOptions(): Set<string> {
  const interfaces = sources
    .filter(({ file }) => file.startsWith("dataset/"))
    .flatMap(({ source }) => source.statements.filter((statement) => ts.isInterfaceDeclaration(statement)))
  const options = interfaces.filter(({ name }) => /^(File)?(Choice|\w*Options)$/.test(name.text))
  return new Set(options.flatMap(({ members }) => members.map(({ name }) => name?.getText() ?? "")))
}

describe("hints", () => {
  it("are found in the source", () => {
    expect(hints.length).toBeGreaterThan(80)
    for (const part of ["`port`", "`overwrite`", "`peers`", "`datastore`", "`offline`", "--map-port"]) {
      expect(hints.some(({ text }) => text.includes(part))).toBe(true)
    }
  })

  it("name flags that a command has, and so does every other text", () => {
    const known = flagsOfCommands()
    const unknown = texts.flatMap(({ at, text }) =>
      [...withFlags(text).matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g)].flatMap(([flag]) =>
        known.has(flag) ? [] : [`${at}: ${flag}`],
      ),
    )
    expect(unknown).toEqual([])
  })

  it("name options of the library outside the command line, and no flags or commands", () => {
    const known = namesOfOptions().add("dataset.files")
    const wrong = hints.filter(
      ({ at, text }) =>
        !at.startsWith("cli/") &&
        (/(?<![\w-])-(o\b|-)|\bcommand\b|academictorrents/.test(text) ||
          [...text.matchAll(/`([^`]*)`/g)].some(([, option]) => !known.has(option ?? ""))),
    )
    expect(wrong).toEqual([])
  })

  it("name no option to users of a command as the library writes it", () => {
    const inCode = hints.filter(({ text }) => /`|\b[a-z]+[A-Z]\w*/.test(withFlags(text)))
    expect(inCode).toEqual([])
  })
})
