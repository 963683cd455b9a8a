import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { CharacterState } from '../../characters/requests.ts'
import { isErrorCode } from '../../domain/error-table.ts'
import { AppError, type Language } from '../../domain/errors.ts'
import { permalinkOf, resourceOf } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { readerOf } from '../hooks.ts'
import { languageOf, pageLanguage, wantsPage } from '../language.ts'
import { ASSETS } from '../pages/assets.ts'
import { characterPage } from '../pages/character-page.ts'
import { errorListPage, errorPage } from '../pages/error-pages.ts'
import { homePage } from '../pages/home-page.ts'
import { unfinishedPage } from '../pages/state-pages.ts'
import { sendPage } from '../page-answer.ts'
import { character } from '../schemas/character.ts'
import { CHARACTER_PAGE_REFUSALS, PAGE_REFUSALS, PUBLIC_REFUSALS } from '../schemas/refusals.ts'

type PageDeps = Pick<ServerDeps, 'characters' | 'settings'>

const langQuery = z.object({ lang: z.string().optional().meta({ description: 'en or zh; else Accept-Language counts.' }) })
const nameParams = z.object({ username: z.string() })
const aPage = { description: 'A page.', content: { 'text/html': { schema: z.string() } } }
const LATEST = 24

/** For people: rendered here, without a script. */
export function pageRoutes(app: App, deps: PageDeps): void {
  const { characters, settings: { publicUrl, isOpen } } = deps
  app.get('/', {
    schema: { operationId: 'home', summary: 'The start page', tags: ['pages'], security: [], querystring: langQuery, response: { 200: aPage, ...PAGE_REFUSALS } },
    config: { isPage: true },
    handler: async (request, reply) => {
      const latest = isOpen ? (await characters.list('local', { limit: LATEST, order: 'desc' })).states.flatMap((state) => (state.at === 'completed' ? [state.character] : [])) : null
      return sendPage(reply, homePage({ language: wished(request), publicUrl, latest }))
    },
  })

  app.get('/@:username', {
    schema: {
      operationId: 'characterPage', summary: 'The home page of a character; JSON by Accept', tags: ['pages'], params: nameParams, querystring: langQuery,
      response: { 200: { ...aPage, content: { ...aPage.content, 'application/json': { schema: character } } }, ...CHARACTER_PAGE_REFUSALS },
    },
    config: { access: 'keyed or not', isPage: true },
    handler: async (request, reply) => {
      const account = readerOf(request)
      if (account === null) throw new AppError('character_not_found') // as if there were none
      const state = await characters.find(account, request.params.username)
      if (wantsPage(request.raw)) return sendPage(reply, await pageOf(state, account, wished(request), deps))
      return reply.header('vary', 'accept').send(resourceOf(state, { publicUrl, language: languageOf(request.raw) }))
    },
  })

  app.get('/profile/:username', {
    schema: { operationId: 'oldProfile', summary: 'Where old tools look for a character', tags: ['pages'], security: [], params: nameParams, response: { 301: z.null(), ...PUBLIC_REFUSALS } },
    handler: async (request, reply) => reply.redirect(new URL(permalinkOf(request.params.username.replace(/^@/, ''), publicUrl)).pathname, 301),
  })
  errorDocRoutes(app, publicUrl)
  assetRoutes(app)
}

async function pageOf(state: CharacterState, account: string, language: Language, { characters, settings: { publicUrl, isOpen } }: PageDeps): Promise<string> {
  if (state.at !== 'completed') return unfinishedPage(state, language)
  return characterPage({ character: state.character, evidence: await characters.evidence(account, state.id), language, publicUrl, isOpen })
}

const wished = ({ raw, query }: FastifyRequest<{ Querystring: z.infer<typeof langQuery> }>): Language => pageLanguage(raw, query.lang)

function errorDocRoutes(app: App, publicUrl: string): void {
  app.get('/docs/errors', {
    schema: { operationId: 'errorList', summary: 'Every error code', tags: ['pages'], security: [], querystring: langQuery, response: { 200: aPage, ...PAGE_REFUSALS } },
    config: { isPage: true },
    handler: async (request, reply) => sendPage(reply, errorListPage(wished(request))),
  })

  app.get('/docs/errors/:code', {
    schema: { operationId: 'errorPage', summary: 'What a code means and what to do', tags: ['pages'], security: [], params: z.object({ code: z.string() }), querystring: langQuery, response: { 200: aPage, ...PAGE_REFUSALS } },
    config: { isPage: true },
    handler: async (request, reply) => {
      const { code } = request.params
      if (!isErrorCode(code)) throw new AppError('not_found', { details: { see: `${publicUrl}/docs/errors` } })
      return sendPage(reply, errorPage(code, { language: wished(request), publicUrl }))
    },
  })
}

function assetRoutes(app: App): void {
  const assets = new Map(ASSETS.map((asset) => [asset.name, asset]))
  app.get('/assets/:name', {
    schema: {
      operationId: 'asset', summary: 'Style and icon of the pages', tags: ['pages'], security: [], params: z.object({ name: z.string() }),
      response: { 200: { description: 'The file.', content: Object.fromEntries(ASSETS.map(({ type }) => [type.replace(/;.*/, ''), { schema: z.any() }])) }, ...PUBLIC_REFUSALS },
    },
    handler: async (request, reply): Promise<FastifyReply> => {
      const asset = assets.get(request.params.name)
      if (asset === undefined) throw new AppError('not_found')
      return reply.type(asset.type).header('cache-control', 'public, max-age=31536000, immutable').send(asset.bytes)
    },
  })
}
