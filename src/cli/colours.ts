import pc from "picocolors"

const { env, stderr } = process

/** Colours for standard error, where all talk goes: on a terminal, and as `NO_COLOR` and `FORCE_COLOR` say. */
export const colours = pc.createColors(
  !env["NO_COLOR"] && (Boolean(env["FORCE_COLOR"]) || (stderr.isTTY === true && env["TERM"] !== "dumb")),
)
