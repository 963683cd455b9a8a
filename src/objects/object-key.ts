const KEY = /^[a-z0-9][a-z0-9_.-]*(?:\/[a-z0-9][a-z0-9_.-]*)*$/
const MOST_KEY = 200

export const isObjectKey = (text: string): boolean => KEY.test(text) && text.length <= MOST_KEY

/** Rejects a key that a store would not take with a RangeError: it is a mistake of the caller. */
export function checkKey(key: string): string {
  if (!isObjectKey(key)) throw new RangeError(`not an object key: ${key}`)
  return key
}
