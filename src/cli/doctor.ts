import { parseArgs } from 'node:util'
import { diagnose, type Finding } from '../app/diagnose.ts'
import { openProgress } from './progress.ts'

const MARKS: Readonly<Record<Finding['is'], string>> = { well: '✓', weak: '!', broken: '✗' }

const WIDTH = 13

/** Prints what works here and how to mend what does not, and mends the library where that is asked for; exit code 1 when something is broken. */
export async function doctor(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { repair: { type: 'boolean' }, deep: { type: 'boolean' }, from: { type: 'string' } } })
  let isBroken = false
  using progress = openProgress()
  progress.say('trying each part')
  for await (const { what, is, says, mend } of diagnose({ isMending: values.repair ?? false, isDeep: values.deep ?? false, from: values.from ?? null })) {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
    console.log(`${MARKS[is]} ${what.padEnd(WIDTH)} ${says}`)
    if (mend !== undefined) console.log(`  ${' '.repeat(WIDTH)} → ${mend}`)
    isBroken ||= is === 'broken'
  }
  return isBroken ? 1 : 0
}
