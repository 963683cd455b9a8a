import { readFile } from 'node:fs/promises'
import { processesBelow } from '../../test/support/processes.ts'
import { median, rounded } from './report.ts'

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

/** Seconds of processor time that one process has used, without its children. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number)
  return (user + system) / TICKS_PER_SECOND
}

export interface MemorySamples { readonly 'start MiB': number; readonly 'middle MiB': number; readonly 'end MiB': number; readonly growth: number }

/** Samples the resident memory of a process until told to stop; each figure is the median of a tenth of the time. */
export function sampleMemory(pid: number): () => MemorySamples {
  const samples: number[] = []
  const sampler = setInterval(async () => { samples.push(await residentMiB(pid)) }, 200)
  return () => {
    clearInterval(sampler)
    const tenth = Math.max(1, Math.floor(samples.length / 10))
    const [start, middle, end] = [0, (samples.length - tenth) >> 1, samples.length - tenth].map((from) => median(samples.slice(from, from + tenth)))
    return { 'start MiB': start, 'middle MiB': middle, 'end MiB': end, growth: rounded(end / start - 1) }
  }
}
