import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { LensLimits } from './limits.ts'

/** What a lens can still do that it should not: reach the network, read or write other files, use memory without bound. */
export type Reachable = 'network' | 'files' | 'writing' | 'memory'

export type JailKind = 'bubblewrap' | 'prlimit' | 'none'

/** A way to start a program: what stands before it on the command line. */
export interface Jail {
  readonly kind: JailKind
  wrap(program: Program, limits: LensLimits): readonly string[]
}

/** A program of ours that runs jailed, and the folder of models it reads. */
export interface Program { readonly path: string; readonly modelsFolder: string }

const root = join(import.meta.dirname, '..', '..')
const SYSTEM_LIBRARIES = ['/usr/lib', '/usr/lib64', '/lib', '/lib64', '/etc/ld.so.cache']
const SCRATCH_BYTES = 64 * 1024 * 1024

/** Not --as: V8 reserves far more address space than it uses. */
const prlimit = (limits: LensLimits): readonly string[] => [
  'prlimit', `--data=${limits.dataBytes}`, `--cpu=${limits.cpuSeconds}`, `--fsize=${limits.fileBytes}`, `--nofile=${limits.openFiles}`, '--core=0', '--',
]

/** No network, no other process, an empty file system but for our program, read-only. A mount hides what lies below it: the empty ones come first. */
const bubblewrap = ({ path, modelsFolder }: Program): readonly string[] => [
  'bwrap', '--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL',
  '--proc', '/proc', '--dev', '/dev', '--size', String(SCRATCH_BYTES), '--tmpfs', '/tmp',
  ...readOnly(
    ...SYSTEM_LIBRARIES, process.execPath,
    join(root, 'node_modules'), join(root, 'package.json'), join(root, 'src'), join(root, 'models'),
    dirname(path), modelsFolder,
  ),
  '--remount-ro', '/dev', '--remount-ro', '/', '--chdir', root, '--',
]

const readOnly = (...paths: readonly string[]): readonly string[] => paths.filter((path) => existsSync(path)).flatMap((path) => ['--ro-bind', path, path])

/** The strongest first. Without bubblewrap's --die-with-parent, setpriv ends a lens that is too busy to see the pipe close. */
export const JAILS: readonly [Jail, ...Jail[]] = [
  { kind: 'bubblewrap', wrap: (program, limits) => [...prlimit(limits), ...bubblewrap(program)] },
  { kind: 'prlimit', wrap: (_program, limits) => ['setpriv', '--pdeathsig', 'KILL', '--', ...prlimit(limits)] },
  { kind: 'none', wrap: () => [] },
]

export const SUMMARIES: Readonly<Record<JailKind, string>> = {
  bubblewrap: 'bubblewrap and prlimit: no network, no files, bounded memory and time',
  prlimit: 'prlimit only: memory and time are bounded, but the network and files are reachable',
  none: 'none: whoever breaks a decoder has the network, files and memory of this service',
}
