/** A lens ended before its job did: it crashed, was killed, or talked nonsense. The job may be tried once on another one. */
export class LensDied extends Error {
  override readonly name = 'LensDied'
  /** For the log: `deadline`, an exit status with the end of its last words, or what it broke. */
  readonly reason: string

  constructor(reason: string) {
    super(`the lens died: ${reason}`)
    this.reason = reason
  }
}

/** Why a lens whose work is done, or no longer wanted, is ended. */
export const JOB_OVER = 'its job is over'
