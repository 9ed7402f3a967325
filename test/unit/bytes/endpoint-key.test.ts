import { expect, test } from "vitest"
import { endpointKey } from "../../../src/bytes/endpoint-key.js"

test("two endpoints have the same key exactly when host and port are the same", () => {
  expect(endpointKey({ host: "10.0.0.1", port: 6881 })).toBe(endpointKey({ host: "10.0.0.1", port: 6881 }))
  const others = [
    { host: "10.0.0.1", port: 688 },
    { host: "10.0.0.2", port: 6881 },
    { host: "::1", port: 6881 },
    { host: "::", port: 16881 },
  ]
  expect(new Set(others.map(endpointKey)).size).toBe(others.length)
})
