import { randomBytes } from 'node:crypto'

/** What a check of a store writes and reads. */
export const PROBE: Uint8Array = new TextEncoder().encode('This is a probe of Dramatis. It can be deleted.\n')

export const probeKey = (): string => `check-${randomBytes(6).toString('hex')}/probe`

export const isProbe = (bytes: Uint8Array): boolean => Buffer.from(bytes).equals(PROBE)
