#!/usr/bin/env node
import { main } from "./main.js"

// The Python package's command: at-get [-h] [-o DATASTORE] [-v] TARGET
await main(["get", ...process.argv.slice(2)])
