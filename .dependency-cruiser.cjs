// The import table of docs/architecture.md: a folder of src/ may import itself, what its row names, and nothing else of src/.
const low = ['domain', 'runtime']
const may = {
  domain: [],
  runtime: ['domain'],
  net: low,
  lens: low,
  jail: [...low, 'lens/protocol'],
  objects: low,
  db: low,
  jobs: [...low, 'db'],
  events: [...low, 'net', 'db'],
  backends: [...low, 'net', 'jail'],
  prompts: [...low, 'db'],
  characters: [...low, 'net', 'jail', 'objects', 'db', 'jobs', 'events'],
  videos: [...low, 'jail', 'objects', 'db', 'jobs', 'events', 'backends', 'prompts'],
  library: [...low, 'db', 'objects'],
  http: [...low, 'objects', 'events', 'backends', 'prompts', 'characters', 'videos'],
  app: [...low, 'net', 'jail', 'objects', 'db', 'jobs', 'events', 'backends', 'prompts', 'characters', 'videos', 'library', 'http'],
  cli: [...low, 'app'],
}
const rows = Object.entries(may).map(([from, to]) => ({
  name: `${from}-may-import`,
  severity: 'error',
  from: { path: `^src/${from}/`, pathNot: '[.]test[.]ts$' },
  to: { path: '^src/', pathNot: `^src/(${[from, ...to].join('|')})[/.]` },
}))

module.exports = {
  forbidden: [
    ...rows,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'domain-has-no-packages', severity: 'error', from: { path: '^src/domain/', pathNot: '[.]test[.]ts$' }, to: { dependencyTypes: ['npm', 'npm-dev', 'core'] } },
    {
      name: 'only-the-lens-parses-media', severity: 'error',
      from: { path: '^src/', pathNot: '^src/lens/|[.]test[.]ts$' },
      to: { path: 'node_modules/(mediabunny|@napi-rs/webcodecs|sharp|onnxruntime-node)/' },
    },
    { name: 'lens-has-no-doors', severity: 'error', from: { path: '^src/lens/', pathNot: '[.]test[.]ts$' }, to: { path: '^(node:)?(net|http|https|http2|dgram|dns|tls|child_process|worker_threads)(/|$)' } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '(main|[.]test)[.]ts$' }, to: {} },
  ],
  // Read with TypeScript 6: 7 has no API for tools, and swc does not know `await using`. Where nothing can be read all looks green, so scripts/check-imports.ts fails then.
  options: {
    parser: 'tsc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
}
