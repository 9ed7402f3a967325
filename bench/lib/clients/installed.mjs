import { spawnSync } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

/** The path of a program, or undefined. Looks in the administrator's folders too, where servers are. */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/sbin", "/sbin"]
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** The message for a program that is not there. */
export function needsProgram(program, debianPackage) {
  return findProgram(program) === undefined ? `apt-get install ${debianPackage}` : undefined
}

/** The first number with dots in what a command prints. */
export function versionFrom(command, args = ["--version"]) {
  const { stdout, stderr } = spawnSync(findProgram(command) ?? command, args, { encoding: "utf8" })
  return /\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? "unknown"
}
