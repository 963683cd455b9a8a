import type { S3mini } from 's3mini'
import { isProbe, PROBE, probeKey } from './probe.ts'
import type { S3Place } from './s3-place.ts'
import { S3Fault } from './s3-wire.ts'

type Deed = 'write' | 'read' | 'list' | 'delete'

const RIGHTS: Readonly<Record<Deed, string>> = { write: 's3:PutObject', read: 's3:GetObject', list: 's3:ListBucket', delete: 's3:DeleteObject' }

/** Writes, reads, lists and deletes a probe. Rejects with an Error that says in a sentence what cannot be done, and in another how to mend it. */
export async function checkS3(place: S3Place, client: S3mini): Promise<void> {
  const name = place.prefix + probeKey()
  const tried = async <T>(deed: Deed, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw new Error(sayWhy(error, deed, place), { cause: error })
    }
  }
  await tried('write', () => client.putObject(name, PROBE))
  try {
    const read = await tried('read', async () => isProbe(await (await client.getObjectRaw(name)).bytes()))
    if (!read) throw new Error(`What was written to ${place.host} is not what is read there. Use another S3 server.`)
    await tried('list', () => client.listObjectsPaged('/', name, 1))
  } catch (error) {
    await client.deleteObjects([name]).catch(() => {}) // what went wrong before is what has to be told
    throw error
  }
  const [isGone] = await tried('delete', () => client.deleteObjects([name]))
  if (!isGone) throw new Error(sayWhy(new S3Fault({ status: 403, reason: 'AccessDenied' }), 'delete', place))
}

type Sentences = (place: S3Place, deed: Deed) => string

const noAnswer: Sentences = ({ host }) => `Nothing answers at ${host}. Start the S3 server, or correct host and port.`
const noHost: Sentences = ({ host }) => `There is no host ${host}. Correct it, or mend the DNS of this machine.`
const wrongRegion: Sentences = ({ bucket, region }) => `The bucket ${bucket} is not in the region ${region}. Say the right one with ?region=.`
const wrongProtocol: Sentences = ({ host }) => `${host} does not speak TLS at this port. Begin with http://, or correct the port.`
const unavailable: Sentences = ({ host }) => `${host} is overloaded or out of order. Look at its log, or wait.`

const WHY: Readonly<Record<string, Sentences>> = {
  ENOTFOUND: noHost, EAI_AGAIN: noHost, ECONNREFUSED: noAnswer, EHOSTUNREACH: noAnswer, ENETUNREACH: noAnswer, ETIMEDOUT: noAnswer, ConnectTimeout: noAnswer,
  ECONNRESET: ({ host }) => `${host} closes the connection. Begin with https:// if it speaks TLS, or correct the port.`,
  Stalled: ({ host }) => `${host} takes connections and does not answer. Look at its log, or correct the port.`,
  EPROTO: wrongProtocol, ERR_SSL_WRONG_VERSION_NUMBER: wrongProtocol, ERR_SSL_PACKET_LENGTH_TOO_LONG: wrongProtocol,
  InvalidAccessKeyId: ({ host }) => `${host} does not know this access key. Correct KEY, percent-encoded.`,
  SignatureDoesNotMatch: () => 'The secret does not belong to the access key. Correct SECRET, percent-encoded.',
  RequestTimeTooSkewed: () => 'The clock of this machine and that of the S3 server are more than 15 minutes apart. Set them.',
  NoSuchBucket: ({ bucket, host }) => `There is no bucket ${bucket} at ${host}. Create it, or correct the name.`,
  AccessDenied: ({ bucket }, deed) => `This access key may not ${deed} in the bucket ${bucket}. Give it ${RIGHTS[deed]}.`,
  PermanentRedirect: wrongRegion, TemporaryRedirect: wrongRegion, AuthorizationHeaderMalformed: wrongRegion, IllegalLocationConstraintException: wrongRegion,
  EntityTooLarge: ({ bucket }) => `The bucket ${bucket} is full. Raise its quota, or make room.`,
}

function sayWhy(error: unknown, deed: Deed, place: S3Place): string {
  if (!(error instanceof S3Fault)) return `What answers at ${place.host} is no S3 server, or not one that can be used. Correct host and port.`
  const known = WHY[error.reason]
  if (known) return known(place, deed)
  if (error.status === null) return isCertificate(error.reason) ? badCertificate(place, error.reason) : `${place.host} cannot be reached (${error.reason}). Correct host and port.`
  if (error.status >= 500 || error.status === 429) return unavailable(place, deed)
  if (error.status === 403) return WHY.AccessDenied(place, deed)
  return `${place.host} answers ${error.status} ${error.reason} to a try to ${deed}. If that is an S3 server, look at its log; if not, correct host and port.`
}

const isCertificate = (reason: string): boolean => /CERT|SIGNATURE|ISSUER|ALTNAME/.test(reason)

const badCertificate = ({ host }: S3Place, reason: string): string => `The certificate of ${host} is not trusted (${reason}). Correct the host, or name its authority in NODE_EXTRA_CA_CERTS.`
