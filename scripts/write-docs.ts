// Writes the parts of docs/ that are made from the code: `npm run docs`.
import { writeFile } from 'node:fs/promises'
import { settingsTable } from '../src/app/config.ts'

const text = `# Settings

Environment variables, read once at start. Whatever is wrong with them is listed at once, and the service does not start.

${settingsTable()}
`
await writeFile(new URL('../docs/configuration.md', import.meta.url), text)
