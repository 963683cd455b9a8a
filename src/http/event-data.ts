import type { Happening } from '../domain/happening.ts'
import { completedState, failureOf, resourceOf } from './character-resource.ts'
import { videoResourceOf } from './video-resource.ts'

type Json = Readonly<Record<string, unknown>>

/** With what an event says around it, 20 kB. */
const MOST_BYTES = 19_000
/** What gives way where an event would be larger, the largest first; the object itself has it all. */
const GIVES_WAY: ReadonlySet<string> = new Set(['metadata', 'prompt', 'warnings', 'consent', 'characters', 'description', 'tags', 'aliases'])
const LANGUAGE = 'en'

/** What an event says, below 20 kB: the id of what it is about, and the object's public keys where it has come to something. */
export function eventData(happening: Happening, { publicUrl }: { readonly publicUrl: string }): Json {
  const { id } = happening
  // Its own id, and first: an earlier character may be the answer to a request, but the event is about what was asked for.
  return fitting(Object.assign({ id }, factsOf(happening, publicUrl), { id }))
}

function factsOf(happening: Happening, publicUrl: string): Json {
  switch (happening.type) {
    case 'character.queued': case 'video.queued': return {}
    case 'character.deleted': case 'video.deleted': return { object: happening.type, deleted: true }
    case 'character.progress': return { step: happening.step, progress: happening.progress, elapsed_ms: happening.elapsedMs }
    case 'video.progress': return { progress: happening.progress, elapsed_ms: happening.elapsedMs }
    case 'character.completed': case 'character.updated': case 'character.restored': return resourceOf(completedState(happening.character), { publicUrl, language: LANGUAGE })
    case 'character.failed': return { object: 'character', status: 'failed', error: failureOf(happening.error, LANGUAGE) }
    case 'video.completed': case 'video.failed': return videoResourceOf(happening.video, LANGUAGE)
  }
}

/** `omitted` names what gave way. */
function fitting(data: Json): Json {
  const sizes = Object.entries(data).filter(([key]) => GIVES_WAY.has(key)).map(([key, value]) => ({ key, bytes: sizeOf(value) })).toSorted((a, b) => b.bytes - a.bytes)
  const omitted: string[] = []
  let fit = data
  for (const { key } of sizes) {
    if (sizeOf(fit) <= MOST_BYTES) break
    omitted.push(key)
    fit = { ...Object.fromEntries(Object.entries(data).filter(([name]) => !omitted.includes(name))), omitted }
  }
  return fit
}

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
