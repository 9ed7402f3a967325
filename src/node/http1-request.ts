import { HttpError } from "../ports/http.js"
import type { Headers } from "./http-transport.js"

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * The head of a GET (RFC 9112, 3), each character a byte; to a proxy the URL is named whole (3.2.2). Throws when a header
 * would break it apart.
 */
export function requestHead(url: URL, headers: Headers, toProxy = false): string {
  const { host, connection } = headers
  // A parsed URL holds no blanks and no control characters.
  let head = `GET ${toProxy ? `${url.protocol}//${url.host}` : ""}${url.pathname}${url.search} HTTP/1.1\r\n`
  if (host === undefined) head += `host: ${url.host}\r\n`
  // HTTP/1.1 means it anyway; servers of HTTP/1.0 want to be told.
  if (connection === undefined) head += "connection: keep-alive\r\n"
  for (const name in headers) {
    const value = headers[name]!
    if (!NAME.test(name) || NO_VALUE.test(value)) throw new HttpError("malformed", "a header can't be sent as it is")
    head += `${name}: ${value}\r\n`
  }
  return `${head}\r\n`
}
