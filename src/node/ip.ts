/** An IPv4 address that Node shows as mapped into IPv6 (`::ffff:1.2.3.4`), in its own form; others as they are. */
export function normalizeIp(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}
