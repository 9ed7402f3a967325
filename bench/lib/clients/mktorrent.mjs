import { needsProgram, versionFrom } from "./installed.mjs"

/** mktorrent: only creates. */
export const mktorrent = {
  name: "mktorrent",
  missing: () => needsProgram("mktorrent", "mktorrent"),
  version: () => versionFrom("mktorrent", ["-h"]),
  create: ({ path, output, pieceLength }) => ({
    command: ["mktorrent", "-t", "2", "-l", String(Math.log2(pieceLength)), "-o", output, path],
  }),
}
