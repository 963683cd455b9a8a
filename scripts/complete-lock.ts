// Adds to package-lock.json the optional platform packages that could not be resolved when it was written: npm leaves them
// out without a word, and `npm ci` then refuses the file. The entries name version, system and processor, so that npm skips
// them elsewhere. `npm run lock` after a change of dependencies; with --check it fails where something would be added.
import { readFile, writeFile } from 'node:fs/promises'

interface LockEntry { readonly version: string; readonly optionalDependencies?: Readonly<Record<string, string>>; readonly os?: readonly string[]; readonly cpu?: readonly string[]; readonly libc?: readonly string[]; readonly optional?: boolean }
interface Lock { packages: Record<string, LockEntry> }

const OPERATING_SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'openbsd', 'netbsd', 'sunos', 'aix', 'win32']
/** Looked for in this order: `arm64` holds `arm`. */
const PROCESSORS = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el']

const path = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(await readFile(path, 'utf8')) as Lock

function entryOf(name: string, version: string): LockEntry | null {
  const os = OPERATING_SYSTEMS.find((each) => name.includes(each))
  const cpu = PROCESSORS.find((each) => name.includes(each))
  if (!os || !cpu) return null
  const libc = name.includes('musl') ? ['musl'] : os === 'linux' && name.includes('gnu') ? ['glibc'] : null
  return { version: version.replace(/^[~^]/, ''), cpu: [cpu], ...(libc && { libc }), optional: true, os: [os] }
}

const missing = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) => Object.entries(optionalDependencies))
  .filter(([name]) => !lock.packages[`node_modules/${name}`])
  .flatMap(([name, version]) => {
    const entry = entryOf(name, version)
    return entry ? [[`node_modules/${name}`, entry] as const] : []
  })

console.log(`${missing.length} platform packages are missing from the lock file`)
if (process.argv.includes('--check')) {
  if (missing.length) process.exitCode = 1
} else if (missing.length) {
  const packages = Object.entries({ ...lock.packages, ...Object.fromEntries(missing) })
  lock.packages = Object.fromEntries(packages.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  await writeFile(path, `${JSON.stringify(lock, null, 2)}\n`)
}
