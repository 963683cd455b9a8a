import { z } from 'zod'

/** What the probe is to try from inside: a listener of ours on loopback, files it must not read, places it must not write to. */
export const probeTask = z.strictObject({ port: z.int(), files: z.array(z.string()), folders: z.array(z.string()), newFile: z.string() })
export type ProbeTask = z.infer<typeof probeTask>

/** What it could do. `dataBytes` is the memory limit it runs under, null when there is none. */
export const findings = z.strictObject({ network: z.boolean(), files: z.boolean(), writing: z.boolean(), dataBytes: z.number().nullable() })
export type Findings = z.infer<typeof findings>
