// The library in a context of `node:vm`, as Jest loads it: `Error` is another class there than that of what Node throws.
// Gets a dataset, and prints where it is and what an error was. Wants --experimental-vm-modules.
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import vm from "node:vm"

const context = vm.createContext()
const inContext = new Set(vm.runInContext("Object.getOwnPropertyNames(globalThis)", context))
const missing = Object.getOwnPropertyNames(globalThis).filter((name) => !inContext.has(name))
// The last two are of Node's realm in Jest, too: its buffers are made of them.
for (const name of [...missing, "Uint8Array", "ArrayBuffer"])
  Object.defineProperty(context, name, { value: globalThis[name], writable: true, configurable: true })
// Up to Node 22 only the main context has it.
if (vm.runInContext("Symbol.asyncDispose", context) === undefined)
  vm.runInContext("(value) => Object.defineProperty(Symbol, 'asyncDispose', { value })", context)(Symbol.asyncDispose)

const modules = new Map()

async function moduleAt(specifier, parent) {
  if (specifier.startsWith(".")) return ownModule(new URL(specifier, parent).href)
  const exports = await import(specifier)
  return new vm.SyntheticModule(
    Object.keys(exports),
    function fill() {
      for (const [name, value] of Object.entries(exports)) this.setExport(name, value)
    },
    { context },
  )
}

function ownModule(url) {
  const module =
    modules.get(url) ??
    new vm.SourceTextModule(readFileSync(fileURLToPath(url), "utf8"), {
      context,
      identifier: url,
      initializeImportMeta: (meta) => Object.assign(meta, { url }),
      importModuleDynamically: async (specifier) => ready(await moduleAt(specifier, url)),
    })
  modules.set(url, module)
  return module
}

async function ready(module) {
  if (module.status === "unlinked") await module.link((specifier, { identifier }) => moduleAt(specifier, identifier))
  await module.evaluate()
  return module
}

const { namespace: at } = await ready(ownModule(import.meta.resolve("academictorrents")))
const path = await at.get(process.argv[2])
const { code, message } = await at.get("no/such.torrent").catch((error) => error)
console.log(
  JSON.stringify({ isOther: !(new at.AtError("AT_BUG", "", { hint: "" }) instanceof Error), path, code, message }),
)
