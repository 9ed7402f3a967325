import { encodeUtf8 } from "../bytes/text.js"

/** Services that map ports (UPnP IGD 1 and 2), the likeliest first. */
const SERVICE_TYPES = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
]
/** Services looked at in a description: a router has some ten. */
const MAX_SERVICES = 64

/** Why a router refuses a mapping (UPnP IGD 2, WANIPConnection:2, 2.5.16), as far as we tell it apart. */
export const IGD_ERROR = { conflict: 718, onlyPermanentLeases: 725 } as const

/** A place at the router where mappings are asked for. */
export interface IgdService {
  readonly type: string
  readonly url: URL
}

/**
 * A URL that may be asked: plain HTTP, at the router itself. Any device of the network can name any other: nobody is led
 * to those.
 */
export function routerUrl(text: string, gateway: string, base?: URL): URL | undefined {
  if (!URL.canParse(text, base?.href)) return undefined
  const url = new URL(text, base?.href)
  const isPlain = url.protocol === "http:" && url.username === "" && url.password === ""
  return isPlain && url.hostname === gateway ? url : undefined
}

/** The services of a description (XML) that map ports, the likeliest first. `location`: where it was had. */
export function findServices(description: string, location: URL, gateway: string): IgdService[] {
  const base = routerUrl(textOf(description, "URLBase") ?? "", gateway) ?? location
  const found: IgdService[] = []
  let at = 0
  for (let count = 0; count < MAX_SERVICES; count++) {
    const begin = description.indexOf("<service>", at)
    const end = description.indexOf("</service>", begin)
    if (begin < 0 || end < 0) break
    at = end
    const service = description.slice(begin, end)
    const type = textOf(service, "serviceType")
    const url = routerUrl(textOf(service, "controlURL") ?? "", gateway, base)
    if (type !== undefined && url !== undefined && SERVICE_TYPES.includes(type)) found.push({ type, url })
  }
  return found.sort((a, b) => SERVICE_TYPES.indexOf(a.type) - SERVICE_TYPES.indexOf(b.type))
}

/** A call of a service (SOAP 1.1), as HTTP. The arguments' order counts. */
export function encodeCall(
  { type, url }: IgdService,
  action: string,
  args: Readonly<Record<string, string>>,
): Uint8Array {
  const elements = Object.entries(args).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`)
  const body = [
    '<?xml version="1.0"?>',
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">',
    `<s:Body><u:${action} xmlns:u="${type}">${elements.join("")}</u:${action}></s:Body></s:Envelope>`,
  ].join("\n")
  const head = [
    `POST ${url.pathname}${url.search} HTTP/1.0`,
    `Host: ${url.host}`,
    'Content-Type: text/xml; charset="utf-8"',
    `SOAPAction: "${type}#${action}"`,
    `Content-Length: ${encodeUtf8(body).length}`,
  ]
  return encodeUtf8(`${head.join("\r\n")}\r\n\r\n${body}`)
}

/** Asks for a description. In HTTP/1.0, so that nothing comes in parts. */
export function encodeGet(url: URL): Uint8Array {
  return encodeUtf8(`GET ${url.pathname}${url.search} HTTP/1.0\r\nHost: ${url.host}\r\n\r\n`)
}

/** The text of the first element of that name, whatever its prefix; undefined: there is none. */
export function textOf(xml: string, name: string): string | undefined {
  for (let at = xml.indexOf(name); at >= 0; at = xml.indexOf(name, at + name.length)) {
    const before = xml[at - 1]
    if ((before !== "<" && before !== ":") || xml[at + name.length] !== ">") continue
    const begin = at + name.length + 1
    const end = xml.indexOf("<", begin)
    return end < 0 ? undefined : xml.slice(begin, end).trim().replaceAll("&amp;", "&")
  }
  return undefined
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
}
