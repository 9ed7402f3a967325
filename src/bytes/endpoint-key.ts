/** Where somebody is as one text, for maps and sets: equal for equal hosts (in the form of `formatIp`) and ports. */
export function endpointKey({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host} ${port}`
}
