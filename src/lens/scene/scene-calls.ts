import type { Job } from '../serve-job.ts'

/** The calls that draw an animatic. */
export function sceneCalls(): Pick<Job, 'stage' | 'roll' | 'wrap'> {
  const notBuilt = async (): Promise<never> => { throw new Error('not built') }
  return { stage: notBuilt, roll: notBuilt, wrap: notBuilt }
}
