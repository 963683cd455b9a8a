import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

interface Operation { readonly operationId?: string; readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>> }
interface OpenApi { readonly openapi: string; readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>; readonly components?: unknown }

export interface AnswerChecker {
  readonly document: OpenApi
  /** Throws when the document does not allow this answer to this request. */
  check(method: string, path: string, response: Response): Promise<void>
}

/** Holds a service to its own OpenAPI document. */
export function answerChecker(document: OpenApi): AnswerChecker {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'openapi', ...document })
  const compiled = new Map<string, ValidateFunction>()
  const validatorAt = (pointer: string): ValidateFunction => {
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` })
    compiled.set(pointer, known)
    return known
  }
  const patterns = Object.keys(document.paths).toSorted((a, b) => a.split('{').length - b.split('{').length)
  return {
    document,
    check: async (method, path, response) => {
      const pathname = path.replace(/[?#].*$/, '').replace(/(?<=.)\/+$/, '')
      const pattern = patterns.find((one) => new RegExp(`^${one.replaceAll(/[.]/g, String.raw`\.`).replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(pathname))
      const verb = method.toLowerCase()
      const at = `${method} ${path} → ${response.status}`
      const operation = pattern === undefined ? undefined : (document.paths[pattern][verb] ?? (verb === 'head' ? document.paths[pattern].get : undefined))
      if (pattern === undefined || operation === undefined) {
        if (![404, 405].includes(response.status)) throw new Error(`${at}: not in /openapi.json`)
        return
      }
      const answer = operation.responses[response.status]
      if (answer === undefined) throw new Error(`${at}: this status is not in /openapi.json`)
      const type = response.headers.get('content-type')?.replace(/;.*/, '')
      if (method === 'HEAD' || answer.content === undefined || type === undefined) return
      if (!(type in answer.content)) throw new Error(`${at}: ${type} is not in /openapi.json, only ${Object.keys(answer.content).join(', ')}`)
      if (type !== 'application/json') return
      const escaped = pattern.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')
      const validate = validatorAt(`/paths/${escaped}/${verb === 'head' ? 'get' : verb}/responses/${response.status}/content/application~1json/schema`)
      const body: unknown = await response.json()
      if (!validate(body)) throw new Error(`${at}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(body).slice(0, 500)}`)
    },
  }
}
