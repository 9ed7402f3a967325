// Puts a counter into each branch of the engine's code, so that the fuzzer sees where an input leads. V8's own counts would
// do too, but asking for them takes longer than a hundred inputs.
import ts from "typescript"

const COUNTERS = "globalThis.__fuzzCounters"

/** A plugin for rolldown. */
export function instrument(isInstrumented) {
  let count = 0
  return {
    name: "instrument",
    transform(code, id) {
      if (!isInstrumented(id)) return null
      const source = ts.createSourceFile(id, code, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS)
      const edits = []
      const hit = () => `${COUNTERS}[${count++}]++`
      const visit = (node) => {
        if (ts.isBlock(node) && !isStaticBlock(node)) edits.push([node.getStart() + 1, `${hit()};`])
        else if (ts.isCaseOrDefaultClause(node)) edits.push([afterColon(node, code), `${hit()};`])
        else if (ts.isConditionalExpression(node)) for (const side of [node.whenTrue, node.whenFalse]) wrap(side)
        else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) wrap(node.body)
        else if (ts.isBinaryExpression(node) && SHORT.has(node.operatorToken.kind)) wrap(node.right)
        else if (ts.isIfStatement(node)) for (const side of [node.thenStatement, node.elseStatement]) statement(side)
        else if (ts.isIterationStatement(node, false)) statement(node.statement)
        ts.forEachChild(node, visit)
      }
      const wrap = (node) => edits.push([node.getStart(), `(${hit()}, `], [node.getEnd(), ")"])
      const statement = (node) => {
        if (node === undefined || ts.isBlock(node) || ts.isIfStatement(node)) return
        edits.push([node.getStart(), `{${hit()};`], [node.getEnd(), "}"])
      }
      visit(source)
      return { code: applied(code, edits), map: null }
    },
  }
}

const SHORT = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
])

function isStaticBlock(node) {
  return ts.isClassStaticBlockDeclaration(node.parent)
}

/** Where a clause's statements begin. */
function afterColon(node, code) {
  const from = ts.isCaseClause(node) ? node.expression.getEnd() : node.getStart()
  return code.indexOf(":", from) + 1
}

/** Edits inside others come first where two end at one place, and last where they begin. */
function applied(code, edits) {
  const sorted = edits.map((edit, order) => ({ edit, order })).sort((a, b) => a.edit[0] - b.edit[0] || place(a, b))
  let at = 0
  let out = ""
  for (const { edit } of sorted) {
    out += code.slice(at, edit[0]) + edit[1]
    at = edit[0]
  }
  return out + code.slice(at)
}

function place(a, b) {
  const [endsA, endsB] = [a, b].map(({ edit }) => edit[1] === ")" || edit[1] === "}")
  if (endsA !== endsB) return endsA ? -1 : 1
  return endsA ? b.order - a.order : a.order - b.order
}
