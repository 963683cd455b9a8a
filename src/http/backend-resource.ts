import type { Backend, BackendHealth } from '../backends/backend.ts'
import type { Capabilities, KindLimits } from '../domain/capabilities.ts'
import type { BackendResource, CapabilitiesResource } from './schemas/backend.ts'

export const backendResourceOf = ({ name, models }: Backend, { isHealthy, says }: BackendHealth): BackendResource =>
  ({ object: 'backend', name, healthy: isHealthy, says, models: models.map(({ id, capabilities }) => ({ id, capabilities: capabilitiesOf(capabilities) })) })

function capabilitiesOf(able: Capabilities): CapabilitiesResource {
  const { image, video, audio } = able.kinds
  return {
    max_characters: able.maxCharacters, max_references: able.maxReferences, per_character: able.perCharacter,
    kinds: { ...(image && { image: limitsOf(image) }), ...(video && { video: limitsOf(video) }), ...(audio && { audio: limitsOf(audio) }) },
    prefer: able.prefer, image_form: able.imageForm, label: able.label, preamble: able.hasPreamble, first_frame: able.firstFrame,
    sizes: [...able.sizes], seconds: secondsOf(able.seconds), prompt_max: able.promptMax, faces: able.faces,
    seed: able.hasSeed, negative_prompt: able.hasNegativePrompt, operations: [...able.operations], licence: able.licence ?? null,
  }
}

const limitsOf = ({ max, mimes, maxBytes }: KindLimits) => ({ max, mimes: [...mimes], ...(maxBytes !== undefined && { max_bytes: maxBytes }) })

export const secondsOf = (seconds: Capabilities['seconds']): CapabilitiesResource['seconds'] => ('min' in seconds ? { min: seconds.min, max: seconds.max } : [...seconds])
