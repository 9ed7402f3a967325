import { addCreate } from "../commands/create.js"
import { addGet } from "../commands/get.js"
import { addInfo } from "../commands/info.js"
import { addSeed } from "../commands/seed.js"
import { addVerify } from "../commands/verify.js"
import { main } from "../main.js"
import type { Start } from "../start.js"

export const start: Start = (keepCode) =>
  main(
    "academictorrents",
    (program, run) => {
      program.description("Get, check, read and share datasets from Academic Torrents.")
      for (const add of [addGet, addInfo, addVerify, addSeed, addCreate]) add(program, run)
    },
    process.argv.slice(2),
    keepCode,
  )
