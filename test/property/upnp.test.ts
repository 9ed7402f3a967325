import fc from "fast-check"
import { expect, test } from "vitest"
import { encodeCall, findServices, textOf } from "../../src/portmap/igd.js"
import { decodeAnswer } from "../../src/portmap/router-exchange.js"
import { decodeSearchAnswer } from "../../src/portmap/ssdp.js"

const GATEWAY = "192.168.1.1"
const LOCATION = new URL(`http://${GATEWAY}:5000/root.xml`)
const TYPE = "urn:schemas-upnp-org:service:WANIPConnection:1"

test("whatever a description says, only the router itself is asked", () => {
  const url = fc.oneof(
    fc.webUrl(),
    fc.webPath(),
    fc.ipV4().map((host) => `http://${host}/ctl`),
    fc.constantFrom(
      "//10.0.0.1/",
      "http://192.168.1.1@10.0.0.1/",
      "http:\\\\10.0.0.1\\",
      "\r\nHost: x",
      "file:///",
      "",
    ),
    fc.string(),
  )
  const description = fc
    .array(fc.tuple(fc.constantFrom(TYPE, "x"), url), { maxLength: 70 })
    .chain((services) => fc.tuple(fc.constant(services), fc.option(url)))
    .map(([services, base]) =>
      [
        base === null ? "" : `<URLBase>${base}</URLBase>`,
        ...services.map(
          ([type, at]) => `<service><serviceType>${type}</serviceType><controlURL>${at}</controlURL></service>`,
        ),
      ].join("\n"),
    )
  fc.assert(
    fc.property(description, (text) => {
      const services = findServices(text, LOCATION, GATEWAY)
      expect(services.length).toBeLessThanOrEqual(64)
      for (const service of services) {
        expect([service.url.protocol, service.url.hostname]).toEqual(["http:", GATEWAY])
        const [head = ""] = Buffer.from(encodeCall(service, "A", { a: "<&" }))
          .toString()
          .split("\r\n\r\n")
        expect(head.split("\r\n")).toHaveLength(5)
      }
    }),
  )
})

test("any bytes at all are an answer or none, however they are cut", () => {
  const piece = fc.constantFrom(
    "HTTP/1.1 200 OK\r\n",
    "Location: http://192.168.1.1/\r\n",
    "Content-Length: 3\r\n",
    "\r\n",
    "abc",
  )
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }),
    fc.array(piece, { maxLength: 40 }).map((parts) => Buffer.from(parts.join(""))),
  )
  fc.assert(
    fc.property(text, fc.boolean(), (bytes, ended) => {
      const answer = decodeAnswer(bytes, ended)
      if (answer !== undefined) expect(answer.body.length).toBeLessThanOrEqual(bytes.length)
      const location = decodeSearchAnswer(bytes)
      if (location !== undefined) expect(location).not.toMatch(/[\r\n]/)
      textOf(Buffer.from(bytes).toString("latin1"), "errorCode")
    }),
  )
})

test("an element's text is found under any prefix, and in nothing that only looks like it", () => {
  expect(textOf("<s:errorCode> 718 </s:errorCode>", "errorCode")).toBe("718")
  expect(textOf("<errorCodes>1</errorCodes><errorCode>2</errorCode>", "errorCode")).toBe("2")
  expect(textOf("<!-- errorCode>3 -->", "errorCode")).toBeUndefined()
  expect(textOf("<errorCode>4", "errorCode")).toBeUndefined()
})
