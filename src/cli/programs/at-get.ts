import { defineGet } from "../commands/get.js"
import { main } from "../main.js"
import type { Start } from "../start.js"

/** The Python package's command: at-get [-h] [-o DATASTORE] [-v] TARGET */
export const start: Start = (keepCode) => main("at-get", defineGet, process.argv.slice(2), keepCode)
