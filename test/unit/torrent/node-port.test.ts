import { expect, test } from "vitest"
import { NodePort } from "../../../src/torrent/finding/node-port.js"

function peer(host: string, dht: boolean) {
  const said: number[] = []
  return { remote: { host }, dht, said, sendPort: (port: number) => void said.push(port) }
}

test("peers that were connected before our node answers hear of it then, each once", () => {
  const ports = new Map<string, number>()
  const nodePort = new NodePort({ port: (host) => ports.get(host), nodeAt: () => {} })
  const [early, without] = [peer("10.0.0.1", true), peer("10.0.0.1", false)]
  const tell = (): void => nodePort.tick([{ session: early }, { session: without }])
  tell()
  expect(early.said).toEqual([])
  ports.set("10.0.0.1", 6881)
  tell()
  tell()
  expect(early.said).toEqual([6881])
  expect(without.said).toEqual([])
})
