import fc from "fast-check"

// Where a test names a maximal length, samples of that length are made too; without this, a few elements.
fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true })
