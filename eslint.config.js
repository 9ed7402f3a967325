// Only what needs types: the promise rules find the bugs that hang a protocol engine. Biome does the rest.
import tseslint from "typescript-eslint"

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "coverage/", "*.config.*"] },
  {
    files: ["src/**/*.ts", "test/**/*.ts", "testbed/**/*.ts", "bench/**/*.ts", "tools/**/*.ts"],
    plugins: { "@typescript-eslint": tseslint.plugin },
    languageOptions: { parser: tseslint.parser, parserOptions: { project: "./tsconfig.json" } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/prefer-promise-reject-errors": "error",
      "@typescript-eslint/return-await": ["error", "in-try-catch"],
    },
  },
  {
    // Time and chance reach everything but node/ and cli/ through ports: that is what lets a swarm run in the simulator.
    files: ["src/**/*.ts"],
    ignores: ["src/node/**", "src/cli/**"],
    rules: {
      "no-restricted-globals": [
        "error",
        "setTimeout",
        "setInterval",
        "setImmediate",
        "performance",
        "process",
        "Buffer",
        "fetch",
        "crypto",
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now" },
        { object: "Math", property: "random" },
      ],
    },
  },
)
