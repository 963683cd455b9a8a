#!/usr/bin/env node
// Starts the command under the Node that package.json pins when the system's is older: outside npm scripts nothing else does.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const OLDEST_MAJOR = 24
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

function pinnedNode() {
  const system = { linux: 'linux', win32: 'win' }[process.platform]
  try {
    return createRequire(import.meta.url).resolve(`node-${system}-${process.arch}/bin/node${process.platform === 'win32' ? '.exe' : ''}`)
  } catch {
    return null
  }
}

if (Number(process.versions.node.split('.')[0]) >= OLDEST_MAJOR) {
  await import(main)
} else {
  const node = pinnedNode()
  if (!node) {
    console.error(`dramatis needs Node ${OLDEST_MAJOR} or newer; this is ${process.version} and none is pinned for ${process.platform}-${process.arch}.`)
    process.exit(1)
  }
  // Interrupts go to the whole terminal group: the child decides when to end, this one waits for it.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
  const { status, signal } = spawnSync(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  process.exit(status ?? (signal ? 1 : 0))
}
