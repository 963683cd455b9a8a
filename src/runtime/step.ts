import type { Step } from '../domain/character.ts'

/** How long a step took, for the evidence and the metrics. */
export interface StepRecord { readonly step: Step; readonly ms: number }

export interface Steps {
  /** Runs one named step: cancel check, crash point, time, event. Rejects with what the work rejects with, or the signal's reason. */
  readonly step: <T>(name: Step, work: () => Promise<T> | T) => Promise<T>
  readonly records: readonly StepRecord[]
}

export interface StepsOptions {
  readonly signal: AbortSignal
  /** Test builds of a fault: on entering this step the process kills itself with SIGKILL, before any of the step's work. */
  readonly crashAt: Step | null
  readonly onEnter?: (step: Step) => void
  readonly onDone?: (record: StepRecord) => void
}

export function createSteps({ signal, crashAt, onEnter, onDone }: StepsOptions): Steps {
  const records: StepRecord[] = []
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
