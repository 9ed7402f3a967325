// A program that is bundled with the library: gets a dataset, and prints where it is and what was warned of.
import * as at from "academictorrents"

const warnings = []
const log = { log: (level, _scope, message) => level === "warn" && warnings.push(message) }
at.get(process.argv[2], { log }).then((path) => console.log(JSON.stringify({ path, warnings })))
