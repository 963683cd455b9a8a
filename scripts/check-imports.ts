// Runs the import table of .dependency-cruiser.cjs and fails when it read nothing: a parser that does not know the
// TypeScript version in use reads no module and calls that "no violations".
import { cruise } from 'dependency-cruiser'
import { createRequire } from 'node:module'
import { z } from 'zod'

const { forbidden, options } = createRequire(import.meta.url)('../.dependency-cruiser.cjs')
const result = await cruise(['src'], { ruleSet: { forbidden }, validate: true, ...options })
const { summary } = z.object({
  summary: z.object({
    totalCruised: z.number(),
    error: z.number(),
    violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })),
  }),
}).parse({ summary: typeof result.output === 'string' ? null : result.output.summary })

for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} → ${to}`)
if (summary.totalCruised < 20) throw new Error(`only ${summary.totalCruised} modules were read: the import check is blind`)
if (summary.error) process.exitCode = 1
else console.log(`imports: ${summary.totalCruised} modules, every folder imports only what its row allows`)
