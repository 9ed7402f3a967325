import * as fs from "node:fs"
import { hostname, uptime } from "node:os"
import { errnoOf } from "./errno.js"

/** Which process, so that it can be told later whether it still runs. Texts are "" where the system has no such thing. */
export interface ProcessIdentity {
  readonly host: string
  /** Of the machine's installation, as {@link machineIdOf} makes it. Older locks have none. */
  readonly machineId?: string
  /** Of the machine's present run; shared by all containers on it. */
  readonly bootId: string
  /** The process numbers are this namespace's: a container has its own. */
  readonly pidNamespace: string
  readonly pid: number
  /** In the kernel's ticks since the start of the machine: a number that was given again differs in it. */
  readonly startTime: string
  /** The thread of it that is ours, as {@link threadOf} names it: a worker can end before its process. Older locks have none. */
  readonly thread?: string
  /** When this was written down, in milliseconds since 1970. Older locks do not say. */
  readonly time?: number
}

/** What can be told of a process from what it wrote down about itself. `unknown`: it ran elsewhere. */
export type ProcessState = "running" | "gone" | "unknown"

/** This process. */
export function currentProcess(): ProcessIdentity {
  return {
    host: hostname(),
    machineId: machineIdOf(readText("/etc/machine-id")),
    bootId: readBootId(),
    pidNamespace: readLink("/proc/self/ns/pid"),
    pid: process.pid,
    startTime: statOf(`/proc/${process.pid}`).startTime,
    thread: threadOf("/proc/thread-self"),
    time: Date.now(),
  }
}

/** From machine-id(5), which others are not to know; "" when it is absent or not set yet, as in most containers. */
export function machineIdOf(text: string): string {
  const id = text.trim()
  if (!/^[\da-f]{32}$/.test(id)) return ""
  const { createHmac } = process.getBuiltinModule("node:crypto")
  return createHmac("sha256", id).update("academictorrents").digest("hex")
}

/** Of the machine's present run, from the Linux kernel; "" on other systems, which have nothing like it. */
export function readBootId(): string {
  return readText("/proc/sys/kernel/random/boot_id").trim()
}

/** Whether `other` still runs, its thread too, as far as `self` can see. */
export function stateOf(other: ProcessIdentity, self: ProcessIdentity): ProcessState {
  if (other.bootId !== self.bootId) return ranBefore(other, self) ? "gone" : "unknown"
  if (self.bootId === "" && other.host !== self.host) return "unknown"
  if (other.pidNamespace !== self.pidNamespace) return "unknown"
  if (!exists(other.pid)) return "gone"
  const { startTime, zombie } = statOf(`/proc/${other.pid}`)
  // A zombie has ended, but nobody asked how.
  if (zombie || (startTime !== "" && startTime !== other.startTime)) return "gone"
  // Node ends a worker's own workers, and what they write, before the worker.
  if (startTime !== "" && other.thread && threadOf(taskFolder(other)) !== other.thread) return "gone"
  return "running"
}

/**
 * Whether `other`, of another run than `self`, is of an earlier run of this machine, and not of another one that shares the
 * folder. Copies of a machine have one name, and perhaps one id; but what was written down since our start is not of an earlier run.
 */
function ranBefore(other: ProcessIdentity, self: ProcessIdentity): boolean {
  const { host, machineId = "", time = Infinity } = other
  return machineId !== "" && machineId === self.machineId && host === self.host && time < Date.now() - uptime() * 1000
}

function taskFolder({ pid, thread = "" }: ProcessIdentity): string {
  return `/proc/${pid}/task/${thread.split(" ", 1)[0]}`
}

/** Number and start time of the thread that this folder of proc(5) is about; "" when there is none. */
function threadOf(folder: string): string {
  const { id, startTime } = statOf(folder)
  return startTime === "" ? "" : `${id} ${startTime}`
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) !== "ESRCH"
  }
}

/** Of a process or thread, from proc(5): the number is field 1, the state field 3, the start time field 22. */
function statOf(folder: string): { readonly id: string; readonly startTime: string; readonly zombie: boolean } {
  const text = readText(`${folder}/stat`)
  // Field 2 is the program's name in brackets, and may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { id: text.split(" ", 1)[0]!, startTime: fields[19] ?? "", zombie: fields[0] === "Z" }
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, "latin1")
  } catch {
    return ""
  }
}

function readLink(path: string): string {
  try {
    return fs.readlinkSync(path)
  } catch {
    return ""
  }
}
