/** A sentence in every language the service speaks. */
export interface Phrase { readonly en: string; readonly zh: string }
export type Language = keyof Phrase

export const phrase = (en: string, zh: string): Phrase => ({ en, zh })

const isPhrase = (value: unknown): value is Phrase => typeof value === 'object' && value !== null && 'en' in value && 'zh' in value && Object.keys(value).length === 2

/** A fact as it is told in this language: facts that are sentences exist in each. */
export const inLanguage = (value: unknown, language: Language): unknown => (isPhrase(value) ? value[language] : value)
