import { expect, it } from "vitest"
import { ownAddresses } from "../../../src/torrent/finding/contact.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"

const at = (host: string, port = 6881) => ({ host, port })
const peer = (remote: ReturnType<typeof at>, ...addresses: ReturnType<typeof at>[]) =>
  ({ session: { remote }, addresses }) as unknown as PeerSource

it("a peer is answerable for its own addresses, not for those of whoever has the same id", () => {
  expect(ownAddresses(peer(at("9.0.0.1", 5000), at("9.0.0.2")))).toEqual([at("9.0.0.1", 5000)])
  expect(ownAddresses(peer(at("9.0.0.1", 5000), at("9.0.0.1"), at("9.0.0.2")))).toEqual([at("9.0.0.1")])
  expect(ownAddresses(peer(at("9.0.0.1", 5000)))).toEqual([at("9.0.0.1", 5000)])
})
