import type { IncomingMessage } from 'node:http'
import Negotiator from 'negotiator'
import type { Language } from '../domain/errors.ts'

const LANGUAGES = ['en', 'zh'] as const

export const languageOf = (request: IncomingMessage): Language =>
  (new Negotiator(request).language([...LANGUAGES]) === 'zh' ? 'zh' : 'en')

/** Pages have a switch: `?lang=` counts before the browser's own choice. */
export const pageLanguage = (request: IncomingMessage, wish: string | undefined): Language =>
  LANGUAGES.find((language) => language === wish) ?? languageOf(request)

// What a page address answers with: without a preference, the page.
export const wantsPage = (request: IncomingMessage): boolean =>
  new Negotiator(request).mediaType(['text/html', 'application/json']) !== 'application/json'

/** Says text/html by name: what browsers do and programs do not. */
export const isBrowser = (request: IncomingMessage): boolean => /\btext\/html\b/i.test(request.headers.accept ?? '')
