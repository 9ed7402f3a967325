import { describe, expect, it } from "vitest"
import { Culprits } from "../../../src/torrent/culprits.js"
import { EncryptionChoice } from "../../../src/torrent/finding/encryption-choice.js"
import { PeerBook } from "../../../src/torrent/finding/peer-book.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"
import { seededRandom } from "../../support/seeded-random.js"

const REMOTE = { host: "192.0.2.7", port: 6881 }

function stage() {
  const connected = new Map<number, PeerSource>([[5, { session: { remote: REMOTE } } as unknown as PeerSource]])
  const convicted: PeerSource[] = []
  const corrupt: number[] = []
  const book = new PeerBook(seededRandom(1), new EncryptionChoice("allow"))
  const culprits = new Culprits({
    roster: { sourceById: (id) => connected.get(id) },
    swarm: { convict: (peer) => void convicted.push(peer) },
    webSeedRuns: { pieceCorrupt: (id) => void corrupt.push(id) },
    book,
    log: { log: () => {} },
  })
  return { connected, convicted, corrupt, book, culprits }
}

describe("who sent wrong bytes", () => {
  it("is dropped when it is a connected peer", () => {
    const { culprits, convicted } = stage()
    culprits.gave(5)
    culprits.convict(5, 0)
    expect(convicted).toHaveLength(1)
  })

  it("is banned although it left before its piece was whole", () => {
    const { culprits, connected, book } = stage()
    culprits.gave(5)
    connected.delete(5)
    culprits.convict(5, 0)
    expect(book.isBanned(REMOTE)).toBe(true)
  })

  it("is told to the web seed when it is one", () => {
    const { culprits, corrupt } = stage()
    culprits.gave(9)
    culprits.convict(9, 3)
    expect(corrupt).toEqual([9])
  })
})
