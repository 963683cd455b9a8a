import { diagnose, type Finding } from '../app/diagnose.ts'
import { openProgress } from './progress.ts'

const MARKS: Readonly<Record<Finding['is'], string>> = { well: '✓', weak: '!', broken: '✗' }

/** Prints what works here and how to mend what does not; exit code 1 when something is broken. */
export async function doctor(): Promise<number> {
  let isBroken = false
  using progress = openProgress()
  progress.say('trying each part')
  for await (const { what, is, says, mend } of diagnose()) {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
    console.log(`${MARKS[is]} ${what.padEnd(12)} ${says}`)
    if (mend !== undefined) console.log(`  ${' '.repeat(12)} → ${mend}`)
    isBroken ||= is === 'broken'
  }
  return isBroken ? 1 : 0
}
