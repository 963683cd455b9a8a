/** 16 bytes as 32 hex digits, laid out as UUIDv7: sorts by the millisecond it was made in. Never reused. */
export function sortableId(nowMs: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  new DataView(bytes.buffer).setBigUint64(0, (BigInt(nowMs) << 16n) | 0x7000n | BigInt(((bytes[6] & 0x0f) << 8) | bytes[7]))
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  return toHex(bytes)
}

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

export type CharacterId = string & { readonly brand: 'CharacterId' }
const CHARACTER_ID = /^char_[0-9a-f]{32}$/
export const newCharacterId = (nowMs?: number): CharacterId => `char_${sortableId(nowMs)}` as CharacterId
export const isCharacterId = (text: string): text is CharacterId => CHARACTER_ID.test(text)

export type VideoId = string & { readonly brand: 'VideoId' }
const VIDEO_ID = /^video_[0-9a-f]{32}$/
export const newVideoId = (nowMs?: number): VideoId => `video_${sortableId(nowMs)}` as VideoId
export const isVideoId = (text: string): text is VideoId => VIDEO_ID.test(text)

export type ErrandId = string & { readonly brand: 'ErrandId' }
const ERRAND_ID = /^errand_[0-9a-f]{32}$/
export const newErrandId = (nowMs?: number): ErrandId => `errand_${sortableId(nowMs)}` as ErrandId
export const isErrandId = (text: string): text is ErrandId => ERRAND_ID.test(text)

/** The millisecond an id was made in, by the clock of the process that made it. */
export const madeAtMs = (id: string): number => Number.parseInt(id.slice(id.indexOf('_') + 1, id.indexOf('_') + 13), 16)

export const newEventId = (nowMs?: number): string => `evt_${sortableId(nowMs)}`
export const newWebhookEndpointId = (nowMs?: number): string => `whe_${sortableId(nowMs)}`
export const newWebhookDeliveryId = (nowMs?: number): string => `whd_${sortableId(nowMs)}`

export const newRequestId = (): string => `req_${sortableId()}`
export const newKeyId = (): string => `key_${sortableId()}`

/** 128 random bits, URL-safe: whoever holds it may read the pictures behind it. */
export function newMediaToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
