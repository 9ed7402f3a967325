// What a script sees of what goes wrong: an AtError each time, and the process ends by itself.
import * as at from "academictorrents"

const [known] = process.argv.slice(2)
const codes = {}
const attempt = async (name, work) => {
  try {
    await work()
    codes[name] = "none"
  } catch (error) {
    codes[name] = error instanceof at.AtError && error.hint !== "" ? error.code : String(error)
  }
}
await attempt("malformed", () => at.get("gopher://example.org/"))
await attempt("unknown", () => at.get("0".repeat(40)))
await attempt("aborted", () => at.get(known, { signal: AbortSignal.timeout(300) }))
await attempt("aborted before", () => at.get(known, { signal: AbortSignal.abort() }))
await attempt("stalled", () => at.get(known, { timeout: 500 }))
await attempt("offline", () => at.get(known, { offline: true }))
await attempt("no such file", async () => {
  const dataset = await at.open(known)
  try {
    dataset.file("absent")
  } finally {
    await dataset.close()
  }
})
await attempt("held twice", async () => {
  const [one, two] = [await at.open(known), await at.open(known)]
  const reading = one.files[0].read(0, 1).catch(() => {})
  try {
    // The one that is first holds it while it waits for a source.
    await Promise.race([reading, two.download()])
  } finally {
    await one.close()
    await two.close()
    await reading
  }
})
console.log(JSON.stringify(codes))
