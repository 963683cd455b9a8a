import type { Experimental_VideoModelV4 as VideoModelV4, Experimental_VideoModelV4File as VideoFile } from '@ai-sdk/provider'
import { UnusableBackend } from '../unusable-backend.ts'

/** The part of a video model of the AI SDK that is used here: work that is started, and asked for from any process. */
export type VideoModel = Required<Pick<VideoModelV4, 'doStart' | 'doStatus'>>
export type VideoOptions = Parameters<VideoModel['doStart']>[0]
export type { VideoFile }

export interface ProviderSettings { readonly fetch: typeof fetch; readonly headers: Readonly<Record<string, string>>; readonly [setting: string]: unknown }

/** A package's maker of providers. */
export type Factory = (settings: ProviderSettings) => { readonly video: (model: string) => unknown }

export type ImportPackage = (name: string) => Promise<unknown>

const importPackage: ImportPackage = (name) => import(name)

/** Rejects with {@link UnusableBackend} that says what to install where the package is not there, or is not what was tested. */
export async function loadFactory(name: string, { factory, tested, load = importPackage }: { readonly factory: string; readonly tested: string; readonly load?: ImportPackage }): Promise<Factory> {
  const module = await load(name).catch((error: unknown) => { throw isNotInstalled(error) ? unusable('is not installed', { name, tested }) : error })
  const make: unknown = typeof module === 'object' && module !== null ? Reflect.get(module, factory) : undefined
  if (!isFactory(make)) throw unusable(`has no ${factory}`, { name, tested })
  return make
}

/** Throws {@link UnusableBackend} where a model of this version cannot be followed from another process. */
export function videoModel(make: Factory, { settings, model, name, tested }: { readonly settings: ProviderSettings; readonly model: string; readonly name: string; readonly tested: string }): VideoModel {
  const made = make(settings).video(model)
  if (!isVideoModel(made)) throw unusable('has no video models that are started and then asked for (V4: doStart and doStatus)', { name, tested })
  return made
}

const unusable = (what: string, { name, tested }: { readonly name: string; readonly tested: string }): UnusableBackend =>
  new UnusableBackend('package', `${name} ${what}; run: npm install --save-exact ${name}@${tested}`)

/** The package, or a part of it: installing it helps either way. */
const isNotInstalled = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'

const isFactory = (value: unknown): value is Factory => typeof value === 'function'

const isVideoModel = (value: unknown): value is VideoModel =>
  typeof value === 'object' && value !== null && 'doStart' in value && typeof value.doStart === 'function' && 'doStatus' in value && typeof value.doStatus === 'function'
