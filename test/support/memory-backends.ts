import type { Backend, BackendHealth } from '../../src/backends/backend.ts'
import type { Backends, Route } from '../../src/backends/backends.ts'
import type { Capabilities } from '../../src/domain/capabilities.ts'
import { AppError } from '../../src/domain/errors.ts'

const CAPABILITIES: Capabilities = {
  maxCharacters: 3, maxReferences: 4, perCharacter: 2, kinds: { image: { max: 4, mimes: ['image/webp', 'image/png'], maxBytes: 10_000_000 } }, prefer: 'image', imageForm: 'cutout',
  label: 'ordinal', hasPreamble: false, firstFrame: 'alone', sizes: ['720x1280', '1280x720', '1024x1792', '1792x1024'], seconds: { min: 1, max: 12 }, promptMax: 2000, faces: 'ok', hasSeed: true, hasNegativePrompt: true, operations: [],
}

/** Two backends by what they can do; nothing is ever made by them. The second one is down. */
export function memoryBackends(): Backends {
  const all = [
    aBackend('animatic', { pollMs: 250, capabilities: CAPABILITIES, health: { isHealthy: true, says: 'draws previews' } }),
    aBackend('studio', { pollMs: 9000, capabilities: { ...CAPABILITIES, seconds: [5, 10], operations: ['edit', 'extend'], licence: 'Apache-2.0' }, health: { isHealthy: false, says: 'no answer' } }),
  ]
  const routes = (): Route[] => all.flatMap((backend) => backend.models.map((model) => ({ backend, model })))
  return {
    all,
    route: (wish) => {
      const [first, ...others] = routes().filter(({ backend, model }) => wish === null || wish.startsWith('sora-2') || [backend.name, model.id].includes(wish))
      if (first === undefined) throw new AppError('model_not_found', { param: 'model', details: { known: routes().map(({ model }) => model.id) } })
      return { routes: [first, ...others], isSubstituted: wish?.startsWith('sora-2') ?? false }
    },
    find: (name, id) => routes().find(({ backend, model }) => backend.name === name && model.id === id) ?? null,
    thatCan: (operation) => routes().filter(({ model }) => model.capabilities.operations.includes(operation)).map(({ backend }) => backend.name),
    health: (backend, { signal }) => backend.health({ signal }),
  }
}

const notHere = async (): Promise<never> => { throw new Error('nothing is made here') }

const aBackend = (name: string, { pollMs, capabilities, health }: { readonly pollMs: number; readonly capabilities: Capabilities; readonly health: BackendHealth }): Backend => ({
  name, pollMs, models: [{ id: `${name}-1`, capabilities }],
  health: async () => health,
  submit: notHere, status: notHere, open: notHere, cancel: notHere,
})
