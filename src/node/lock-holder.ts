import * as fs from "node:fs"
import { errnoOf } from "./errno.js"
import type { ProcessIdentity } from "./process-identity.js"

/** Who holds a lock. `token` differs each time a lock is taken. */
export interface Holder extends ProcessIdentity {
  readonly token: string
}

/** Bytes read of a lock file; ours are a quarter of that. */
const MAX_SIZE = 2048

/** What the lock file at `path` says. `unreadable`: its holder is just writing it, or it is the wreck of a crash. */
export function readHolder(path: string): Holder | "nothing" | "unreadable" {
  const text = readText(path)
  if (text === undefined) return "nothing"
  const value = parseJson(text)
  return isHolder(value) ? value : "unreadable"
}

function readText(path: string): string | undefined {
  const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY } = fs.constants
  let descriptor: number
  try {
    descriptor = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined
    throw error
  }
  try {
    const bytes = new Uint8Array(MAX_SIZE)
    return new TextDecoder().decode(bytes.subarray(0, fs.readSync(descriptor, bytes, 0, MAX_SIZE, 0)))
  } finally {
    fs.closeSync(descriptor)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== "object" || value === null) return false
  const {
    host,
    machineId = "",
    bootId,
    pidNamespace,
    pid,
    startTime,
    token,
    thread = "",
    time = 0,
  } = value as Partial<Record<keyof Holder, unknown>>
  const texts = [host, machineId, bootId, pidNamespace, startTime, token, thread]
  return (
    texts.every((text) => typeof text === "string") && Number.isInteger(pid) && Number(pid) > 0 && Number.isFinite(time)
  )
}
