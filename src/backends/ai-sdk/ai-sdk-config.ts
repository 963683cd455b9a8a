import { z } from 'zod'
import { capabilitiesConfig, modelId, serviceFields } from '../service-config.ts'
import { packageProblem, testedModel } from './packages.ts'

const model = z.strictObject({
  id: modelId,
  /** A tested model that it is like. */
  preset: modelId.optional(),
  capabilities: capabilitiesConfig.default({}),
})

/** A provider package of the AI SDK, which the operator installs. */
export const aiSdkConfig = z.strictObject({
  ...serviceFields,
  kind: z.literal('ai-sdk'),
  package: z.string(),
  /** The vendor's own where absent. */
  url: serviceFields.url.optional(),
  /** Google Vertex without a key: with the credentials of the machine. */
  project: z.string().regex(/^[a-z][a-z0-9-]{1,61}$/, 'must be the id of a Google project').optional(),
  location: z.string().regex(/^[a-z][a-z0-9-]{1,40}$/, 'must be a Google location, such as us-central1').optional(),
  models: z.array(model).min(1).max(100),
  /** Parameters of the vendor's own, for every video. */
  options: z.record(z.string(), z.json()).default({}),
  pollSeconds: serviceFields.pollSeconds.unwrap().default(5),
}).superRefine((config, context) => {
  const say = (path: readonly (string | number)[], message: string): void => { context.addIssue({ code: 'custom', path: [...path], message }) }
  const problem = packageProblem(config.package)
  if (problem !== null) return say(['package'], problem)
  for (const [at, { id, preset }] of config.models.entries()) {
    const known = testedModel(config.package, preset ?? id)
    if ('refused' in known) say(['models', at, preset === undefined ? 'id' : 'preset'], `${preset ?? id} ${known.refused}`)
  }
  const isVertex = config.package === '@ai-sdk/google-vertex'
  if (config.key === undefined && !(isVertex && config.project !== undefined)) say(['key'], isVertex ? 'is needed, or a project' : 'is needed')
})
export type AiSdkConfig = Readonly<z.output<typeof aiSdkConfig>>
