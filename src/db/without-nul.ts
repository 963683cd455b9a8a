/** PostgreSQL takes no U+0000 in text, and nobody means one: on every database it is written, and looked for, as U+FFFD. */
export const withoutNul = (parameter: unknown): unknown => (typeof parameter === 'string' && parameter.includes('\0') ? parameter.replaceAll('\0', '\uFFFD') : parameter)
