/** One bucket of an S3 server, or a part of one. */
export interface S3Place {
  /** With the bucket as its path. */
  readonly endpoint: string
  readonly host: string
  readonly bucket: string
  /** What every key begins with: empty, or a path that ends with a slash. */
  readonly prefix: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

const FORM = 'https://KEY:SECRET@host[:port]/bucket[/prefix][?region=us-east-1]'
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const PREFIX = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/
const REGION = /^[A-Za-z0-9-]{1,40}$/
const MOST_PREFIX = 200

/** Reads `https://KEY:SECRET@host[:port]/bucket[/prefix][?region=us-east-1]`. Throws an Error that says what is wrong with it, and never repeats the secret. */
export function parseS3Url(text: string): S3Place {
  const url = URL.parse(text.trim())
  if (url === null) throw new Error(`it is not an address. Write it as ${FORM}; a / or + or @ in KEY or SECRET is written %2F, %2B, %40.`)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error(`it must begin with https:// or http://. Write it as ${FORM}.`)
  if (url.hash !== '') throw new Error('it has a #. If that is part of the key or the secret, write it %23.')
  const [accessKeyId, secretAccessKey] = [decoded(url.username, 'key'), decoded(url.password, 'secret')]
  if (accessKeyId === '' || secretAccessKey === '') throw new Error(`it has no ${accessKeyId === '' ? 'access key' : 'secret'}. Write it as ${FORM}.`)
  const { bucket, prefix } = readPath(url)
  return { endpoint: `${url.origin}/${bucket}`, host: url.host, bucket, prefix, region: readRegion(url), accessKeyId, secretAccessKey }
}

function readPath(url: URL): { readonly bucket: string; readonly prefix: string } {
  const [bucket = '', ...rest] = url.pathname.replace(/^\//, '').replace(/\/$/, '').split('/')
  if (bucket === '') throw new Error(`it names no bucket. Write it as ${FORM}.`)
  if (!BUCKET.test(bucket)) throw new Error('its bucket is no name of one: 3 to 63 lower-case letters, digits, dots and hyphens.')
  const prefix = rest.join('/')
  if (prefix !== '' && (!PREFIX.test(prefix) || prefix.length > MOST_PREFIX)) throw new Error(`what follows the bucket can hold letters, digits, _ . - and single slashes, ${MOST_PREFIX} at most.`)
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` }
}

function readRegion(url: URL): string {
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'region')
  if (unknown !== undefined) throw new Error(`it has a parameter that is not known; only region can follow the ?. If the ? is part of the secret, write it %3F.`)
  const region = url.searchParams.get('region') ?? 'us-east-1'
  if (!REGION.test(region)) throw new Error('its region is no name of one, such as us-east-1.')
  return region
}

function decoded(text: string, what: 'key' | 'secret'): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error(`its ${what} has a % that is none of percent-encoding. Write it %25.`) // the error itself repeats the text
  }
}
