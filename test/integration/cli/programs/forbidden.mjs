// Under Node's permission model, with no place to write to: reads a dataset that is complete, and fails to get it elsewhere.
import * as at from "academictorrents"

const [infoHash, file, elsewhere] = process.argv.slice(2)
const path = await at.get(infoHash)
const dataset = await at.open(infoHash)
const text = Buffer.from(await dataset.file(file).read(0, 1000)).toString("latin1")
await dataset.close()
const { code, hint } = await at.get(infoHash, { datastore: elsewhere }).catch((error) => error)
console.log(JSON.stringify({ path, text, code, hint }))
