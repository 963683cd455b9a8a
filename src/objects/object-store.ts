/** There are no bytes under this key. */
export class ObjectNotFound extends Error {
  override readonly name = 'ObjectNotFound'
  constructor(key: string, options?: ErrorOptions) { super(`no object ${key}`, options) }
}

/** First byte and the one behind the last. */
export interface ByteRange { readonly start: number; readonly end: number }

export interface ObjectOptions { readonly signal?: AbortSignal }

/**
 * Stored bytes. Keys are lower-case paths chosen by the caller, the first part of which is the folder of one owner.
 * What the store refuses or does not answer rejects with an AppError: `storage_full`, or `storage_unavailable`.
 */
export interface ObjectStore {
  /** Replaces what was there, whole; durable when this resolves. With the signal it rejects with its reason, and nothing half-written can be read. */
  put(key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>, options?: ObjectOptions): Promise<void>
  /** The same of a private file, which is taken over: once this resolves it is gone from its place. */
  putFile(key: string, path: string, options?: ObjectOptions): Promise<void>
  /** The range must lie within the object, else a RangeError. Rejects with {@link ObjectNotFound}; reading what it gave, with `storage_unavailable` where it breaks off. What is not read to its end must be left by `return`, as `for await` does. */
  get(key: string, range?: ByteRange, options?: ObjectOptions): Promise<AsyncIterable<Uint8Array>>
  /** Deletes everything below a folder of keys, and says how many objects that were. */
  deleteFolder(key: string): Promise<number>
  /** The names directly below the top, a page at a time, in no order; there may be millions. */
  listFolders(): AsyncIterable<readonly string[]>
  /** Tries a write, a read and a delete. Rejects with an Error whose message says what cannot be done, and how to mend it, without the name of a setting and without a secret. */
  check(): Promise<void>
}
