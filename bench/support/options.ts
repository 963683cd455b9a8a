import { parseArgs } from 'node:util'

type Values = Readonly<Record<string, string | number | boolean>>

/** What stands on the command line over what is given here, each `--name=value`. Throws for what is not known. */
export function readOptions<T extends Values>(defaults: T): { readonly [Name in keyof T]: T[Name] extends number ? number : T[Name] extends boolean ? boolean : string } {
  const kinds = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, { type: typeof value === 'boolean' ? 'boolean' as const : 'string' as const }]))
  const { values } = parseArgs({ options: kinds })
  const read = Object.entries(defaults).map(([name, value]) => [name, typeof value === 'number' && values[name] !== undefined ? numberOf(name, values[name]) : values[name] ?? value])
  return Object.fromEntries(read)
}

/** Of `1,2`. */
export const numbersOf = (list: string): readonly number[] => list.split(',').map((text) => numberOf('list', text))
export const wordsOf = (list: string): readonly string[] => list.split(',').map((text) => text.trim()).filter((text) => text !== '')

function numberOf(name: string, text: unknown): number {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new Error(`--${name}: ${String(text)} is no number`)
  return value
}
