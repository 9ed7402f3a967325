import type { Reporter, TestModule } from "vitest/node"

/**
 * Ends a run with one line that counts all suites together. Before it stand the tests that passed only when they ran
 * again, with what failed at first.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let passed = 0
    let failed = 0
    let skipped = 0
    const again: string[] = []
    for (const module of modules) {
      let tests = 0
      for (const test of module.children.allTests()) {
        tests++
        const { state, errors } = test.result()
        if (test.diagnostic()?.flaky)
          again.push(`${module.relativeModuleId}: ${test.fullName}\n${errors?.[0]?.message}`)
        if (state === "passed") passed++
        else if (state === "skipped") skipped++
        else failed++
      }
      // A file that did not even load has no tests to count, and must not look like a pass.
      if (tests === 0 || module.errors().length > 0) failed++
      // Nor must tests that were not run because what was to come before them failed.
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failed++
    }
    for (const test of again) process.stdout.write(`\npassed when it ran again: ${test}\n`)
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  }
}
