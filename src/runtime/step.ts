import type { Step } from '../domain/character.ts'

/** How long a step took, for the evidence and the metrics. */
export interface StepRecord<Name extends string = Step> { readonly step: Name; readonly ms: number }

export interface Steps<Name extends string> {
  /** Runs one named step: cancel check, crash point, time, event. Rejects with what the work rejects with, or the signal's reason. */
  readonly step: <T>(name: Name, work: () => Promise<T> | T) => Promise<T>
  readonly records: readonly StepRecord<Name>[]
}

export interface StepsOptions<Name extends string> {
  readonly signal: AbortSignal
  /** Test builds of a fault: on entering this step the process kills itself with SIGKILL, before any of the step's work. */
  readonly crashAt: string | null
  readonly onEnter?: (step: Name) => void
  readonly onDone?: (record: StepRecord<Name>) => void
}

export function createSteps<Name extends string>({ signal, crashAt, onEnter, onDone }: StepsOptions<Name>): Steps<Name> {
  const records: StepRecord<Name>[] = []
  return {
    records,
    step: async (name, work) => {
      signal.throwIfAborted()
      if (name === crashAt) process.kill(process.pid, 'SIGKILL')
      onEnter?.(name)
      const started = performance.now()
      const result = await work()
      const record = { step: name, ms: Math.round(performance.now() - started) }
      records.push(record)
      onDone?.(record)
      return result
    },
  }
}
