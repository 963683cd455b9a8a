import { AppError } from '../../domain/errors.ts'
import type { CharacterId } from '../../domain/identifier.ts'
import type { VideoPlan } from '../../videos/videos.ts'
import { mediaUrl } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { phrase } from '../../domain/phrase.ts'
import { promptResourceOf } from '../prompt-resource.ts'
import { readShot } from '../read-video.ts'
import { prompt, promptBody } from '../schemas/prompt.ts'
import { CREATE_REFUSALS } from '../schemas/refusals.ts'

/** The dry run of a video. */
export function promptRoutes(app: App, { videos, characters, settings: { publicUrl } }: Pick<ServerDeps, 'videos' | 'characters' | 'settings'>): void {
  app.post('/v1/prompts/resolve', {
    schema: { operationId: 'resolvePrompt', summary: 'See whom a prompt calls and what a backend would be sent; keeps nothing', tags: ['prompts'], body: promptBody, response: { 200: prompt, ...CREATE_REFUSALS } },
    config: { access: 'videos:read', takes: 'json' },
    handler: async (request) => {
      const { model, backend, ...body } = request.body
      if (model && backend) throw new AppError('invalid_parameter', { param: 'backend', details: { reason: phrase('model is there already', '已提供 model'), allowed: phrase('left out', '省略') } })
      const plan = await videos.plan(readShot({ ...body, model: model ?? backend ?? null }, request))
      const tokens = await tokensOf(plan, accountOf(request), characters)
      return promptResourceOf(plan, (id, file) => {
        const token = tokens.get(id)
        return token === undefined ? null : mediaUrl(token, file, publicUrl)
      })
    },
  })
}

async function tokensOf({ prompt: { cast } }: VideoPlan, account: string, characters: ServerDeps['characters']): Promise<ReadonlyMap<CharacterId, string>> {
  const states = await Promise.all(cast.map(({ id }) => characters.find(account, id)))
  return new Map(states.flatMap((state) => (state.at === 'completed' ? [[state.character.id, state.character.mediaToken] as const] : [])))
}
