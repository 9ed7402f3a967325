import type { NetworkInterfaceInfo } from "node:os"

/** This machine's addresses by the names of their interfaces; undefined when they can't be told now: too many files are open. */
export function networkInterfaces(): Readonly<Record<string, readonly NetworkInterfaceInfo[]>> | undefined {
  try {
    return process.getBuiltinModule("node:os").networkInterfaces() as Record<string, NetworkInterfaceInfo[]>
  } catch {
    return undefined
  }
}

/** Where nobody is connected to, by the rules for addresses. */
export function isLinkLocal(address: string): boolean {
  return /^(169\.254\.|fe[89ab])/i.test(address)
}
