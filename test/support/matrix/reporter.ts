import type { Reporter, TestModule } from "vitest/node"
import { type Cell, COLUMN_NAMES, type ColumnName, DIRECTIONS, ROW_NAMES, type RowName, whyNot } from "./table.js"

declare module "vitest" {
  interface TaskMeta {
    cell?: Cell
    /** What is not there on this machine, so that it was not run. */
    missing?: string | undefined
  }
}

/** Prints the table of clients after a run in which a cell of it was tested. */
export default class MatrixReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const marks = new Map<string, string>()
    const missed = new Map<string, string>()
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { cell, missing } = test.meta()
        const { state } = test.result()
        if (cell === undefined) continue
        if (missing !== undefined) missed.set(keyOf(cell), `not here: ${missing}`)
        else if (state !== "skipped") marks.set(keyOf(cell), state === "passed" ? "ok" : "FAILED")
      }
    }
    if (marks.size > 0) process.stdout.write(`\n${table(marks, missed)}\n`)
  }
}

function keyOf({ row, column, direction }: Cell): string {
  return `${row} ${column} ${direction}`
}

function table(marks: ReadonlyMap<string, string>, missed: ReadonlyMap<string, string>): string {
  const notes: string[] = []
  /** `ok/ok`: first we download from it, then it from us. */
  const cell = (row: RowName, column: ColumnName): string =>
    DIRECTIONS.map((direction) => {
      const at = { row, column, direction }
      const why = whyNot(at) ?? missed.get(keyOf(at))
      if (why === undefined) return marks.get(keyOf(at)) ?? "not run"
      if (!notes.includes(why)) notes.push(why)
      return String(notes.indexOf(why) + 1)
    }).join("/")
  const lines = [
    ["", ...COLUMN_NAMES],
    ...ROW_NAMES.map((row) => [row, ...COLUMN_NAMES.map((column) => cell(row, column))]),
  ]
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)))
  return [
    "Interoperability: we download from it/it downloads from us, every byte compared",
    ...lines.map((line) => line.map((text, i) => text.padEnd(widths[i]!)).join("  ")),
    ...notes.map((note, i) => `${i + 1}: ${note}`),
  ].join("\n")
}
