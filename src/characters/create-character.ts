import type { Character, Step } from '../domain/character.ts'
import type { Database } from '../db/database.ts'
import type { Events } from '../events/events.ts'
import type { Lenses } from '../jail/lenses.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import { createSteps, type StepRecord } from '../runtime/step.ts'
import { chooseAllowed, type HumanPolicy } from './choose-allowed.ts'
import { commitCharacter, describeCharacter, nameCharacter, storeFiles } from './publish.ts'
import type { Attempt, StoredSource } from './requests.ts'
import { openScratch } from '../runtime/scratch.ts'
import { sha256 } from '../runtime/sha256.ts'

export type OpenSource = (source: StoredSource, options: { readonly signal: AbortSignal; readonly scratch: string }) => Promise<ByteSource>

export interface PipelineDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly lenses: Pick<Lenses, 'jail' | 'open'>
  readonly events: Pick<Events, 'record'>
  readonly openSource: OpenSource
  readonly clock: () => number
  readonly random: () => number
  readonly settings: {
    readonly humanPolicy: HumanPolicy
    readonly crashAt: string | null
    /** Private files of what runs lie below it, in a folder each that goes with it. */
    readonly workFolder: string
  }
}

export interface PipelineEvents {
  readonly onStep: (step: Step) => void
  /** All that was told of steps is written; rejects when the try is over. */
  readonly stepsTold: () => Promise<void>
  readonly onStepDone: (record: StepRecord) => void
  /** The finished character that this request made before, if these are the same bytes again. */
  readonly findSame: (clipSha256: string) => Promise<Character | null>
}

/** A window of a video to a character that is kept. Rejects with what is wrong with the source, the wish or the name, with `LensDied`, or `LeaseLost`. */
export async function createCharacter(job: Attempt, deps: PipelineDeps, { onStep, onStepDone, stepsTold, findSame }: PipelineEvents): Promise<Character> {
  const { request, signal } = job
  const { settings, lenses, objects } = deps
  const { step, records } = createSteps({ signal, crashAt: settings.crashAt, onEnter: onStep, onDone: onStepDone })

  await using scratch = await openScratch(settings.workFolder)
  await using source = await step('open', () => deps.openSource(request.source, { signal, scratch: scratch.path }))
  await using lens = await lenses.open(source, { signal, traceId: request.traceId })
  const window = await step('window', () => lens.call('window', { window: request.window }))
  const clipSha256 = sha256(window.clip)
  const same = await findSame(clipSha256)
  if (same !== null) return same

  const seen = await step('see', () => lens.call('see', {}))
  const choice = await step('choose', () => chooseAllowed(seen, request.options, settings.humanPolicy))
  const of = { subject: choice.subject.id }
  const portrait = await step('portrait', () => lens.call('portrait', of))
  const cutout = await step('cutout', () => lens.call('cutout', of))
  const { references } = await step('references', () => lens.call('references', of))
  const { vectors } = await step('identity', () => lens.call('identity', of))
  const voice = await step('voice', () => lens.call('voice', {}))

  const name = await step('name', () => nameCharacter(choice.subject, request.options, deps))
  const files = await step('publish', () => storeFiles(job, { portrait, cutout, references, voice, window }, objects))
  const facts = { window, clipSha256, seen, choice, portrait, cutout, references, vectors, voice, files, source, steps: records, jail: lenses.jail.kind }
  const character = await step('stored', async () => {
    await stepsTold() // on connections of their own they could come behind the end
    signal.throwIfAborted()
    return commitCharacter(describeCharacter(job, facts, deps.clock()), { job, facts, name }, deps)
  })
  return await step('committed', () => character) // awaited here: a rejection that is returned is nobody's while what is in use is disposed
}
