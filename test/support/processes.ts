import { readdirSync, readFileSync } from 'node:fs'

/** A process of this machine; its start time tells it from a later one with the same number. */
export interface Process { readonly pid: number; readonly parent: number; readonly startedAt: string; readonly commandLine: string }

/** What runs below a process, in any generation. Linux. */
export function processesBelow(pid: number): readonly Process[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => readProcess(Number(name)) ?? [])
  const below = (parent: number): Process[] => all.filter((each) => each.parent === parent).flatMap((each) => [each, ...below(each.pid)])
  return below(pid)
}

export function isRunning({ pid, startedAt }: Process): boolean {
  return readProcess(pid)?.startedAt === startedAt
}

/** null: there is none, or only what is left for its parent to read. */
function readProcess(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state = '', parent = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return null
    return { pid, parent: Number(parent), startedAt: rest[17] ?? '', commandLine: readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ') }
  } catch {
    return null // it ended meanwhile
  }
}
