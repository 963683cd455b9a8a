import { GROK, MINIMAX_H3, VEO_3_1, WAN_2_7, WAN_3, type TestedModel } from './models.ts'

/** How the operator comes in: what their settings said. */
export interface Access { readonly key?: string; readonly project?: string; readonly location?: string }

/** A provider package whose requests were looked at: its references leave. */
export interface TestedPackage {
  /** The version that was tested. */
  readonly tested: string
  readonly factory: string
  /** The vendor's own address. */
  readonly url: (access: Access) => string
  /** The name under which the package takes the address and other settings of its own. */
  readonly settings: (access: Access, url: string) => Readonly<Record<string, unknown>>
  /** Its place in `providerOptions`. */
  readonly options: string
  readonly maxAnswerBytes: number
  /** The first that matches. */
  readonly models: readonly { readonly matches: RegExp; readonly model: TestedModel | { readonly refused: string } }[]
}

const MiB = 1024 * 1024
const NO_REFERENCES = 'takes no references, so no character can be in its videos'

export const TESTED_PACKAGES: ReadonlyMap<string, TestedPackage> = new Map([
  ['@ai-sdk/alibaba', {
    tested: '2.0.58',
    factory: 'createAlibaba',
    url: () => 'https://dashscope-intl.aliyuncs.com',
    settings: ({ key }, url) => ({ apiKey: key, videoBaseURL: url }),
    options: 'alibaba',
    maxAnswerBytes: 4 * MiB,
    models: [
      { matches: /^wan2\.7-r2v/, model: WAN_2_7 },
      { matches: /^wan3\./, model: WAN_3 },
      { matches: /^wan2\.6-r2v/, model: { refused: 'takes references by address only, and pictures of people are not put behind public addresses; use wan2.7-r2v' } },
      { matches: /-(?:t2v|i2v)/, model: { refused: NO_REFERENCES } },
    ],
  }],
  ['@ai-sdk/google-vertex', {
    tested: '5.0.141',
    factory: 'createGoogleVertex',
    url: vertexUrl,
    settings: ({ key, project, location }, url) => ({ ...(key === undefined ? { project, location } : { apiKey: key }), baseURL: url }),
    options: 'googleVertex',
    // Its finished videos come inside the answer, in base64.
    maxAnswerBytes: 256 * MiB,
    models: [{ matches: /^veo-3\.1-/, model: VEO_3_1 }, { matches: /^veo-/, model: { refused: NO_REFERENCES } }],
  }],
  ['@ai-sdk/minimax', {
    tested: '3.0.45',
    factory: 'createMiniMax',
    url: () => 'https://api.minimax.io',
    settings: ({ key }, url) => ({ apiKey: key, videoBaseURL: url }),
    options: 'minimax',
    maxAnswerBytes: 4 * MiB,
    models: [{ matches: /^MiniMax-H3-Max/i, model: { refused: NO_REFERENCES } }, { matches: /^MiniMax-H3/i, model: MINIMAX_H3 }],
  }],
  ['@ai-sdk/xai', {
    tested: '5.0.12',
    factory: 'createXai',
    url: () => 'https://api.x.ai/v1',
    settings: ({ key }, url) => ({ apiKey: key, baseURL: url }),
    options: 'xai',
    maxAnswerBytes: 4 * MiB,
    models: [{ matches: /^grok-imagine-video/, model: GROK }],
  }],
])

/** Packages that are known to lose a character, and how. */
export const REFUSED_PACKAGES: ReadonlyMap<string, string> = new Map([
  ['@ai-sdk/fal', 'drops references without a warning'],
  ['@ai-sdk/replicate', 'drops references without a warning'],
  ['@ai-sdk/black-forest-labs', 'its video models ignore references'],
  ['@ai-sdk/bytedance', 'waits for the video in one call: a restart of this service would lose it'],
])

export function packageProblem(name: string): string | null {
  if (TESTED_PACKAGES.has(name)) return null
  const known = [...TESTED_PACKAGES.keys()].join(', ')
  const reason = REFUSED_PACKAGES.get(name)
  return reason === undefined ? `${name} was not tested with references; tested are ${known}` : `${name} ${reason}; tested are ${known}`
}

/** What is known of a model, or why it cannot be used. */
export function testedModel(name: string, model: string): TestedModel | { readonly refused: string } {
  const found = TESTED_PACKAGES.get(name)?.models.find(({ matches }) => matches.test(model))
  return found?.model ?? { refused: `was not tested with ${name}; name a tested one that it is like as its preset` }
}

const WHOLE_REGIONS: ReadonlySet<string> = new Set(['eu', 'us'])

function vertexUrl({ key, project, location = 'global' }: Access): string {
  if (key !== undefined) return 'https://aiplatform.googleapis.com/v1/publishers/google'
  return `https://${vertexHost(location)}/v1beta1/projects/${project}/locations/${location}/publishers/google`
}

function vertexHost(location: string): string {
  if (location === 'global') return 'aiplatform.googleapis.com'
  return WHOLE_REGIONS.has(location) ? `aiplatform.${location}.rep.googleapis.com` : `${location}-aiplatform.googleapis.com`
}
