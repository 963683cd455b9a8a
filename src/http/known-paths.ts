import type { App } from './deps.ts'

/** Which methods each path takes: the router knows them only one by one. */
export interface KnownPaths { methodsOf(path: string): readonly string[] }

/** To be called before the routes are added. */
export function collectPaths(app: App): KnownPaths {
  const methods = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    methods.set(url, new Set([...(methods.get(url) ?? []), ...[method].flat()]))
  })
  return {
    methodsOf: (path) => {
      const parts = partsOf(path)
      const matching = [...methods].filter(([pattern]) => matches(partsOf(pattern), parts))
      return [...new Set(matching.flatMap(([, taken]) => [...taken]))].toSorted()
    },
  }
}

const partsOf = (path: string): readonly string[] => path.replace(/[?#].*$/, '').replace(/\/+$/, '').split('/')

const matches = (pattern: readonly string[], parts: readonly string[]): boolean =>
  pattern.length === parts.length && pattern.every((part, i) => (part.startsWith(':') || part.startsWith('@:') ? parts[i].length > 0 && (part[0] === ':' || parts[i][0] === '@') : part === parts[i]))
