/** A backend that cannot be built as it is configured. `path` is the key at fault, within its entry. */
export class UnusableBackend extends Error {
  override readonly name = 'UnusableBackend'
  readonly path: string

  constructor(path: string, message: string) {
    super(message)
    this.path = path
  }
}

/** What is wrong with the configured backends, all of it: `BACKENDS[1].package: …`. */
export class UnusableBackends extends Error {
  override readonly name = 'UnusableBackends'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`These backends cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}
