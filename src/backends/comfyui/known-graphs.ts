import { KNOWN_MODELS } from '../known-models.ts'
import type { GraphMap } from './graph-map.ts'
import type { InputValue } from './graph.ts'

const VACE_MAP = {
  prompt: 'wanted.text', negative: 'unwanted.text', references: ['character.image'], videos: [], audios: [],
  width: 'vace.width', height: 'vace.height', frames: 'vace.length', fps: 16, frameStep: 4,
  seed: 'denoised.seed', prefix: 'file.filename_prefix', output: 'file',
} as const satisfies GraphMap

interface KnownGraph { readonly file: URL; readonly map: GraphMap; readonly inputs: Readonly<Record<string, InputValue>> }

// Its last node names the codec twice: newer ones want it as `format.codec`, older ones as `codec`, and each ignores the other.
const VACE_FILE = new URL('wan2.1-vace.api.json', import.meta.url)

/** Graphs that come along. They name the model files as they are published; `inputs` of the settings names others. */
export const KNOWN_GRAPHS = {
  'wan2.1-vace-1.3b': { file: VACE_FILE, map: VACE_MAP, inputs: {}, capabilities: KNOWN_MODELS['wan2.1-vace-1.3b'] },
  'wan2.1-vace-14b': { file: VACE_FILE, map: VACE_MAP, inputs: { 'diffusion_model.unet_name': 'wan2.1_vace_14B_fp16.safetensors' }, capabilities: KNOWN_MODELS['wan2.1-vace-14b'] },
} as const satisfies Readonly<Record<string, KnownGraph & { readonly capabilities: unknown }>>

export const KNOWN_GRAPH_NAMES = ['wan2.1-vace-1.3b', 'wan2.1-vace-14b'] as const satisfies readonly (keyof typeof KNOWN_GRAPHS)[]
