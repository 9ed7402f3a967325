// Opens a dataset, reads parts of a file while it is not there yet, downloads the rest, and closes it.
import { createHash } from "node:crypto"
import * as at from "academictorrents"

const [target, path] = process.argv.slice(2)
const dataset = await at.open(target)
const { name, infoHash, length, files } = dataset
const file = dataset.file(path)
const part = await file.read(70_000, 1000)
const beyond = await file.read(file.length - 10, 100)
const hash = createHash("sha256")
let streamed = 0
for await (const chunk of file.stream({ start: 1000, end: 200_000 })) {
  streamed += chunk.length
  hash.update(chunk)
}

const states = []
const downloading = dataset.download({ include: [path, "*.md"] })
for await (const p of dataset.progress()) states.push([p.state, p.doneBytes === p.totalBytes, p.doneBytes])
const downloaded = await downloading
// What is over has one more thing to say: that it is.
for await (const p of dataset.progress()) states.push([p.state, p.doneBytes === p.totalBytes, p.doneBytes])
await dataset.close()
await dataset.close()
const late = await file.read(0, 1).catch((error) => error.code)

console.log(
  JSON.stringify({
    ...{ name, infoHash, length, files: files.map((entry) => [entry.path, entry.length]), downloaded, states, late },
    part: createHash("sha256").update(part).digest("hex"),
    beyond: beyond.length,
    streamed: [streamed, hash.digest("hex")],
  }),
)
