import { readFile } from 'node:fs/promises'
import { processesBelow } from '../../test/support/processes.ts'

const TICKS_PER_SECOND = 100

/** Seconds of processor time that all programs of this machine have used: counts children that were killed, too. */
export async function machineCpuSeconds(): Promise<number> {
  const [line] = (await readFile('/proc/stat', 'utf8')).split('\n')
  const [user, nice, system] = line.split(/\s+/).slice(1).map(Number)
  return (user + nice + system) / TICKS_PER_SECOND
}

async function statusOf(pid: number): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Object.fromEntries(text.split('\n').map((line) => line.split(/:\s+/, 2)))
}

const mebibytes = (text: string | undefined): number => Math.round(Number.parseInt(text ?? '0', 10) / 1024)

/** Resident memory of one process, MiB. */
export const residentMiB = async (pid: number): Promise<number> => mebibytes((await statusOf(pid)).VmRSS)

/** The largest peak of resident memory among the processes below this one, MiB. */
export async function largestDescendantMiB(pid: number): Promise<number> {
  const statuses = await Promise.all(processesBelow(pid).map((each) => statusOf(each.pid)))
  return Math.max(0, ...statuses.map(({ VmHWM }) => mebibytes(VmHWM)))
}
