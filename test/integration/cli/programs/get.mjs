// As a researcher's script: get a dataset, print where it is. It must end by itself.
import * as at from "academictorrents"

const seen = []
const path = await at.get(process.argv[2], { onProgress: (progress) => seen.push(progress) })
// Several at a time, as in a notebook: they take turns.
const more = await Promise.all([at.get(process.argv[2]), at.get(process.argv[2]), at.get(process.argv[2])])
console.log(JSON.stringify({ path, more, last: seen.at(-1) ?? null }))

// The same in steps, of what is there now: progress must end, too.
const dataset = await at.open(process.argv[2])
await dataset.download()
for await (const { state } of dataset.progress()) console.error(state)
await dataset.close()
