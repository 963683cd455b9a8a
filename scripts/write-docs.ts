// Writes the parts of docs/ that are made from the code: `npm run docs`.
import { readFile, writeFile } from 'node:fs/promises'
import { settingsTable } from '../src/app/config.ts'
import { metricsTable } from './metrics-table.ts'

const text = `# Settings

Environment variables, read once at start. Whatever is wrong with them is listed at once, and the service does not start.

${settingsTable()}
`
await writeFile(new URL('../docs/configuration.md', import.meta.url), text)

const operations = new URL('../docs/operations.md', import.meta.url)
const table = await metricsTable()
await writeFile(operations, (await readFile(operations, 'utf8')).replace(/(?<=## Metrics\n[^]*?\n\n)\|[^]*?\n(?=\n)/, () => `${table}\n`))
