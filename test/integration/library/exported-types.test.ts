import { join } from "node:path"
import ts from "typescript"
import { expect, it } from "vitest"
import { ROOT } from "../cli/command.js"

const INDEX = join(ROOT, "dist/index.d.ts")

/** Classes that are exported as such, not as types alone. */
const VALUES = new Set(["AtError", "Dataset"])

it("every type that a user of the library meets has a name that can be imported", () => {
  const program = ts.createProgram([INDEX], {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
  })
  const checker = program.getTypeChecker()
  const resolve = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const index = checker.getSymbolAtLocation(program.getSourceFile(INDEX)!)!
  const exported = new Set(checker.getExportsOfModule(index).map(resolve))
  expect(exported.size).toBeGreaterThan(20)
  const missing = new Set<string>()
  const seen = new Set<ts.Symbol>()
  const visit = (symbol: ts.Symbol): void => {
    const ours = (symbol.declarations ?? []).filter(isOurs)
    if (seen.has(symbol) || ours.length === 0) return
    seen.add(symbol)
    if (symbol.flags & ts.SymbolFlags.Type && !(symbol.flags & ts.SymbolFlags.TypeParameter) && !exported.has(symbol))
      missing.add(symbol.name)
    for (const declaration of ours) walk(declaration)
  }
  const walk = (node: ts.Node): void => {
    if (isHidden(node)) return
    const name = namedBy(node)
    if (name !== undefined) {
      const symbol = checker.getSymbolAtLocation(name)
      if (symbol !== undefined) visit(resolve(symbol))
    }
    ts.forEachChild(node, walk)
  }
  for (const symbol of exported) visit(symbol)
  expect([...missing].sort()).toEqual([])
})

it("what is read can be given to all that takes bytes, with the types of browsers, too", () => {
  const path = join(ROOT, "use.mts")
  const use = `
    import { open } from "academictorrents"
    const file = (await open("x")).file("a")
    const bytes = await file.read(0, 10)
    new Response(bytes)
    new Blob([bytes])
    await crypto.subtle.digest("SHA-256", bytes)
    new Float32Array(bytes.buffer)
    new Response(file.stream())
    file.stream().pipeThrough(new DecompressionStream("gzip")).pipeThrough(new TextDecoderStream())
    for await (const chunk of file.stream()) new Blob([chunk])
  `
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.asynciterable.d.ts"],
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  }
  const host = ts.createCompilerHost(options)
  const read = host.readFile.bind(host)
  host.readFile = (name) => (name === path ? use : read(name))
  const program = ts.createProgram([path], options, host)
  const complaints = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))
  expect(complaints).toEqual([])
})

/** What a node refers to by name, if it is a type. */
function namedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName
  if (ts.isExpressionWithTypeArguments(node)) return node.expression
  if (ts.isTypeQueryNode(node)) return node.exprName
  if (ts.isImportTypeNode(node)) return node.qualifier
  return undefined
}

function isOurs(declaration: ts.Declaration): boolean {
  return declaration.getSourceFile().fileName.startsWith(join(ROOT, "dist/"))
}

/** Nobody outside gets to see it. */
function isHidden(node: ts.Node): boolean {
  // Whoever could call it has the class itself: only `AtError` and `Dataset` are more than types.
  if (ts.isConstructorDeclaration(node)) return !VALUES.has(node.parent.name?.text ?? "")
  if (!ts.isClassElement(node)) return false
  if (node.name !== undefined && ts.isPrivateIdentifier(node.name)) return true
  return (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0
}
