import { expect, it } from "vitest"
import { safeListener } from "../../../src/dataset/safe-listener.js"
import { stillSnapshot } from "../../../src/dataset/still-snapshot.js"

const progress = stillSnapshot({ name: "data", infoHash: "00" }, { state: "checking", doneBytes: 1, totalBytes: 2 })

it("a listener that throws or rejects is told of in the log, and harms nobody", async () => {
  const logged: string[] = []
  const log = { log: (level: string, _: string, message: string) => logged.push(`${level}: ${message}`) }
  const heard: unknown[] = []
  const throws = (snapshot: unknown): void => {
    heard.push(snapshot)
    throw new Error("oops")
  }
  safeListener(throws, log)?.(progress)
  expect(heard).toEqual([progress])
  safeListener(() => Promise.reject(new Error("late")), log)?.(progress)
  await new Promise((resolve) => setImmediate(resolve))
  expect(logged).toEqual(["warn: onProgress threw: Error: oops", "warn: onProgress threw: Error: late"])
})
