// One point of one axis, in a process of its own: node bench/growth/point.mjs AXIS COUNT DIST DIR. Prints JSON.
import { AXES } from "./axes.mjs"

const [axis, count, dist, dir] = process.argv.slice(2)
console.log(JSON.stringify(await AXES[axis].measure({ count: Number(count), dist, dir })))
process.exit()
