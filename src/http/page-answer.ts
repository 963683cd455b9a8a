import type { FastifyReply, FastifyRequest } from 'fastify'
import { isBrowser } from './language.ts'

/** Everything a page needs comes from its own origin, and nothing in it runs. */
const PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export const sendPage = (reply: FastifyReply, markup: string): FastifyReply => reply
  .headers({ 'content-security-policy': PAGE_POLICY, 'x-robots-tag': 'noindex', vary: 'accept, accept-language' })
  .type('text/html; charset=utf-8').send(markup)

const API_PATH = /^\/(?:v1|sora|media)(?:[/?#]|$)/

/** Whether a refusal may be a page: somebody with a browser at an address for people. */
export const isForPeople = (request: FastifyRequest): boolean =>
  isBrowser(request.raw) && ['GET', 'HEAD'].includes(request.method) && (request.is404 ? !API_PATH.test(request.url) : request.routeOptions.config.isPage === true)
