import { describe, expect, it } from "vitest"
import { EncryptionChoice } from "../../../src/torrent/finding/encryption-choice.js"

describe("whether a connection begins encrypted", () => {
  it.each([
    ["allow", false],
    ["prefer", true],
  ] as const)(
    "depends on the policy at first (%s: %s), and turns once, at once, where nobody answers",
    (policy, first) => {
      const choice = new EncryptionChoice(policy)
      const way = choice.newWay()
      expect(choice.encrypts(way)).toBe(first)
      expect(choice.turn(way)).toBe(true)
      expect(choice.encrypts(way)).toBe(!first)
      expect(choice.turn(way)).toBe(false)
      expect(choice.encrypts(way)).toBe(first)
      expect(choice.turn(way)).toBe(false)
      expect(choice.encrypts(way)).toBe(!first)
    },
  )

  it("stays as it was answered, and may turn again after that", () => {
    const choice = new EncryptionChoice("allow")
    const way = choice.newWay()
    choice.turn(way)
    choice.answered(way)
    expect(choice.encrypts(way)).toBe(true)
    expect(choice.turn(way)).toBe(true)
    expect(choice.encrypts(way)).toBe(false)
  })

  it.each([
    ["require", true],
    ["off", false],
  ] as const)("never changes with %s", (policy, encrypted) => {
    const choice = new EncryptionChoice(policy)
    const way = choice.newWay()
    expect(choice.encrypts(way)).toBe(encrypted)
    expect(choice.turn(way)).toBe(false)
    expect(choice.encrypts(way)).toBe(encrypted)
  })

  it("is learned where plain never gets through", () => {
    const choice = new EncryptionChoice("allow")
    for (let n = 0; n < 2; n++) {
      const way = choice.newWay()
      expect(choice.encrypts(way)).toBe(false)
      choice.turn(way)
      choice.answered(way)
    }
    expect(choice.encrypts(choice.newWay())).toBe(true)
  })

  it("is not learned from a few who want it so, where plain gets through to others", () => {
    const choice = new EncryptionChoice("allow")
    choice.answered(choice.newWay())
    for (let n = 0; n < 5; n++) {
      const way = choice.newWay()
      choice.turn(way)
      choice.answered(way)
    }
    expect(choice.encrypts(choice.newWay())).toBe(false)
  })
})
