import { z } from 'zod'
import type { Capabilities } from '../domain/capabilities.ts'
import type { BackendModel } from './backend.ts'
import { capabilitiesConfig, modelId } from './service-config.ts'

/** A model that the operator offers, and what they say of it differently from what is known. */
export const modelSchema = z.strictObject({ id: modelId, capabilities: capabilitiesConfig.default({}) })
export const modelsSchema = z.array(modelSchema).min(1).max(100)
export type ModelConfig = z.output<typeof modelSchema>

/** A key of the operator's replaces the known value whole. */
export const backendModel = ({ id, capabilities }: ModelConfig, known: Capabilities): BackendModel => ({ id, capabilities: { ...known, ...capabilities } })
