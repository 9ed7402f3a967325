import { encodeUtf8, toLatin1 } from "../../../src/bytes/text.js"
import { encodeCall, encodeGet, findServices, type IgdService, routerUrl, textOf } from "../../../src/portmap/igd.js"
import { decodeAnswer } from "../../../src/portmap/router-exchange.js"
import { decodeSearchAnswer } from "../../../src/portmap/ssdp.js"
import { must, mustEqual } from "../lib/expect.js"
import { type Target, words } from "../lib/target.js"

const GATEWAY = "192.168.1.1"
const LOCATION = new URL(`http://${GATEWAY}:5000/root.xml`)
const TYPE = "urn:schemas-upnp-org:service:WANIPConnection:1"

const service = (url: string): string =>
  `<service><serviceType>${TYPE}</serviceType><controlURL>${url}</controlURL></service>`

const answer = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/**
 * What routers, and all who pretend to be one, say of themselves (UPnP IGD): nobody but the router is asked, and in nothing but
 * the one request that was meant.
 */
export const upnp: Target = {
  name: "upnp",
  seeds: () =>
    [
      `HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: ${LOCATION.href}\r\n\r\n`,
      answer(`<root><URLBase>${LOCATION.origin}/</URLBase>${service("/ctl/IPConn?a=1&amp;b=2")}</root>`),
      `<serviceList>${service("/a")}${service("http://10.0.0.1/b")}${service(`http://u:p@${GATEWAY}/c`)}</serviceList>`,
      answer("<s:Fault><UPnPError><errorCode>725</errorCode></UPnPError></s:Fault>"),
    ].map(encodeUtf8),
  words: words(
    ...[
      "HTTP/1.1 200 OK\r\n",
      "Location: ",
      "Content-Length: ",
      "\r\n",
      "\r\n\r\n",
      "<URLBase>",
      "<service>",
      "</service>",
    ],
    ...[
      TYPE,
      "<serviceType>",
      "<controlURL>",
      "errorCode>",
      "<",
      "&amp;",
      "//",
      "\\",
      "@",
      "http://",
      GATEWAY,
      "10.0.0.1",
    ],
  ),
  check(input) {
    const text = toLatin1(input)
    const location = decodeSearchAnswer(input)
    if (location !== undefined) {
      must(!/[\r\n]/.test(location), "a location goes on behind its line")
      mustBeRouters(routerUrl(location, GATEWAY))
    }
    for (const one of findServices(text, LOCATION, GATEWAY)) mustAskNoMore(one)
    must(textOf(text, "errorCode")?.includes("<") !== true, "an element's text has elements")
    const whole = decodeAnswer(input, true)
    must((whole?.body.length ?? 0) <= input.length, "an answer is longer than what came")
    // What was whole is not made another by what comes later.
    const early = decodeAnswer(input.subarray(0, input.length - (input.at(-1) ?? 0)), false)
    if (early !== undefined) mustEqual(whole, early, "more bytes make it another answer")
  },
}

function mustBeRouters(url: URL | undefined): void {
  if (url === undefined) return
  const { protocol, hostname, username, password } = url
  must(protocol === "http:" && hostname === GATEWAY, "somebody else is asked")
  must(username === "" && password === "", "the router is told a password")
}

/** One request line and the headers that are ours, whatever the URL. */
function mustAskNoMore(service: IgdService): void {
  mustBeRouters(service.url)
  const get = linesOf(encodeGet(service.url))
  must(/^GET \/\S* HTTP\/1\.0$/.test(get.head[0]!) && get.head.length === 2, "a GET is another request")
  must(get.body === "", "a GET has something behind it")
  const call = linesOf(encodeCall(service, "A", { a: "<&" }))
  must(/^POST \/\S* HTTP\/1\.0$/.test(call.head[0]!) && call.head.length === 5, "a call is another request")
  must(call.head[4] === `Content-Length: ${call.body.length}`, "a call has something behind it")
}

function linesOf(request: Uint8Array): { readonly head: readonly string[]; readonly body: string } {
  const text = toLatin1(request)
  const end = text.indexOf("\r\n\r\n")
  return { head: text.slice(0, end).split(/\r\n|\r|\n/), body: text.slice(end + 4) }
}
