import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'

const results = new URL('../results/', import.meta.url)

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]

export const rounded = (value: number, digits = 3): number => Number(value.toFixed(digits))

/** Prints the rows and keeps them, with the machine they were measured on, in bench/results/NAME.json. */
export async function report(name: string, rows: readonly Readonly<Record<string, unknown>>[], facts: Readonly<Record<string, unknown>> = {}): Promise<void> {
  console.table(rows)
  if (Object.keys(facts).length) console.dir(facts, { depth: null })
  const machine = { processors: availableParallelism(), model: cpus()[0]?.model ?? 'unknown', node: process.version, measured: new Date().toISOString().slice(0, 10) }
  await mkdir(results, { recursive: true })
  await writeFile(new URL(`${name}.json`, results), `${JSON.stringify({ machine, ...facts, rows }, null, 1)}\n`)
}
