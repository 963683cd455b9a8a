import type { ByteSource } from '../../runtime/byte-source.ts'
import type { Models } from '../models.ts'
import type { Job } from '../serve-job.ts'

/** The calls that look at a produced video, and those that make a picture fit to be sent on. */
export function producedCalls(_source: ByteSource, _models: Models): Pick<Job, 'inspect' | 'witness' | 'picture'> {
  const notBuilt = async (): Promise<never> => { throw new Error('not built') }
  return { inspect: notBuilt, witness: notBuilt, picture: notBuilt }
}
