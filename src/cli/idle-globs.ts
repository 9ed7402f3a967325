import type { Dataset } from "../dataset/dataset.js"
import { filesMatching, isGlob } from "../dataset/file-pattern.js"
import type { Console } from "./console.js"

/** Says which globs exclude nothing: as is to be in a script for many datasets, or a slip that brings what is not wanted. */
export function sayIdleGlobs(
  { exclude = [] }: { readonly exclude?: string[] },
  dataset: Dataset,
  console: Console,
): void {
  for (const glob of exclude.filter(isGlob)) {
    if (filesMatching(glob, dataset.files).length === 0) console.say(`--exclude ${glob} matches no file of the dataset`)
  }
}
