#!/usr/bin/env node
import { defineGet } from "./commands/get.js"
import { main } from "./main.js"
import { run } from "./run.js"

// The Python package's command: at-get [-h] [-o DATASTORE] [-v] TARGET
await main("at-get", (program) => defineGet(program, run), process.argv.slice(2))
