import { parseArgs } from 'node:util'
import { moveConfigured } from '../app/library.ts'
import { UsageError } from './failure.ts'
import { openProgress } from './progress.ts'

/** Moves the library of DATA_DIR to PostgreSQL, S3 or both, and prints what is in both places now. Cut off anywhere, it is begun again. */
export async function move(args: string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args, options: { 'to-database': text, 'to-objects': text, 'keep-source': { type: 'boolean' } } })
  const target = { database: values['to-database'] ?? null, objects: values['to-objects'] ?? null }
  if (target.database === null && target.objects === null) throw new UsageError('Say where to: --to-database postgres://… or --to-objects https://KEY:SECRET@host/bucket, or both.')
  using progress = openProgress()
  progress.say('opening both places')
  const { tables, objects, rowsWritten } = await moveConfigured(target, {
    isSourceKept: values['keep-source'] ?? false,
    onProgress: ({ at, table, rows, objects }) => progress.say(at === 'copying' ? `copying ${table}: ${rows} rows, ${objects} objects` : `${at} ${table}: ${rows} rows`),
  })
  progress[Symbol.dispose]()
  for (const [table, sum] of Object.entries(tables)) console.log(`${table.padEnd(20)}${String(sum.rows).padStart(9)} rows  sha256 ${sum.sha256.slice(0, 16)}…`)
  console.log(`${'objects'.padEnd(20)}${String(objects).padStart(9)}`)
  console.error(`Moved and compared; this run wrote ${rowsWritten} rows.`)
  return 0
}
