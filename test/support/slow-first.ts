import { BaseSequencer, type TestSpecification } from "vitest/node"

/** It waits for other programs' timers most of the time, and for minutes: beside it, all others run. */
const SLOWEST = /\/interop\/matrix\.test\.ts$/

/** Vitest's order, which is by the size of files where it knows no times, but for what would run alone at the end. */
export default class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isSlowest = ({ moduleId }: TestSpecification): boolean => SLOWEST.test(moduleId)
    return [...sorted.filter(isSlowest), ...sorted.filter((file) => !isSlowest(file))]
  }
}
