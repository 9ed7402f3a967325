// Imports point one way: each room may import the rooms named beside it (its own is always allowed), and nothing else.
const rooms = {
  errors: [],
  bytes: ["errors"],
  ports: ["bytes", "errors"],
  metainfo: ["bytes", "ports", "errors"],
  wire: ["bytes", "metainfo", "errors"],
  picker: ["bytes", "metainfo", "ports", "errors"],
  storage: ["bytes", "metainfo", "ports", "errors"],
  proxy: ["bytes", "errors"],
  tracker: ["bytes", "metainfo", "ports", "errors"],
  utp: ["ports", "errors"],
  portmap: ["bytes", "ports", "errors"],
  webseed: ["bytes", "metainfo", "ports", "errors"],
  peer: ["bytes", "wire", "metainfo", "ports", "errors"],
  torrent: ["bytes", "metainfo", "ports", "errors", "wire", "picker", "storage", "tracker", "webseed", "peer"],
  lsd: ["bytes", "ports", "errors"],
  dht: ["bytes", "metainfo", "ports", "errors"],
  session: [
    "bytes",
    "metainfo",
    "ports",
    "errors",
    "storage",
    "tracker",
    "peer",
    "wire",
    "torrent",
    "utp",
    "portmap",
    "dht",
    "lsd",
  ],
  catalog: ["bytes", "metainfo", "ports", "errors"],
  node: ["bytes", "metainfo", "proxy", "ports", "errors"],
  dataset: [
    "bytes",
    "metainfo",
    "ports",
    "errors",
    "storage",
    "torrent",
    "session",
    "catalog",
    "tracker",
    "webseed",
    "node",
  ],
  index: ["dataset", "session", "torrent", "storage", "ports", "errors"],
  cli: ["index", "dataset", "torrent", "storage", "bytes", "ports", "errors", "node"],
}

const layers = Object.entries(rooms).map(([room, below]) => {
  const place = (name) => (name === "errors" || name === "index" ? `^src/${name}\\.ts$` : `^src/${name}/`)
  return {
    name: `${room}-imports-only-what-lies-below`,
    severity: "error",
    from: { path: place(room) },
    to: { path: "^src/", pathNot: [room, ...below].map(place) },
  }
})

module.exports = {
  forbidden: [
    ...layers,
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "node-builtins-only-at-the-edge",
      comment: "only src/node and src/cli touch the machine: everything else runs in the simulator",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(node|cli)/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "every-room-has-a-place",
      severity: "error",
      from: { path: "^src/", pathNot: `^src/(${Object.keys(rooms).join("|")})(/|\\.ts$)` },
      to: {},
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|node_modules)" },
    enhancedResolveOptions: { extensions: [".ts", ".js"] },
  },
}
