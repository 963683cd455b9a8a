import { describeFailure, UsageError } from './failure.ts'

const USAGE = `dramatis — characters for AI video, from one to three seconds of any clip

  dramatis serve                                  the service and its pages
  dramatis create URL|FILE --at 1,3 [--name NAME] make a character; prints what the API answers
  dramatis detect URL|FILE [--at 1,3]             list who and what is in the window; keeps nothing
  dramatis resolve "PROMPT" [--model MODEL]       who a prompt calls, and what the model would be sent; makes nothing
  dramatis video "PROMPT" [--model MODEL] [--size 1280x720] [--seconds 4] [--seed 7] [--out FILE]
                                                  make a video and keep it in a file
  dramatis export @NAME [FILE] | --all FILE       a character in one file, or all of them
  dramatis import FILE… [--name NAME] [--rename]  characters from such files; what is there already stays as it is
  dramatis backup FOLDER                          a copy of DATA_DIR's library, also beside a running service
  dramatis restore FOLDER                         such a copy into an empty DATA_DIR
  dramatis move [--to-database URL] [--to-objects S3_URL] [--keep-source]
                                                  DATA_DIR's library to PostgreSQL, S3 or both; cut off, it is begun again
  dramatis doctor [--repair] [--deep] [--from BACKUP]
                                                  what works on this machine, what is wrong with the library, and how to mend it
  dramatis migrate                                bring the tables of the database up to date, as every start does
  dramatis keys add --account NAME [--name TEXT]  make an API key; it is shown once
  dramatis keys list | revoke ID

  --server URL   the service to talk to; without one, one is started for the length of the command
  --key KEY      its API key
Settings are environment variables: docs/configuration.md.`

type Command = (args: string[]) => Promise<number>
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  create: async () => (await import('./create.ts')).create,
  detect: async () => (await import('./detect.ts')).detect,
  resolve: async () => (await import('./resolve.ts')).resolve,
  video: async () => (await import('./video.ts')).video,
  export: async () => (await import('./export.ts')).exportCharacters,
  import: async () => (await import('./import.ts')).importCharacters,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./backup.ts')).restore,
  move: async () => (await import('./move.ts')).move,
  doctor: async () => (await import('./doctor.ts')).doctor,
  migrate: async () => (await import('./migrate.ts')).migrate,
  keys: async () => (await import('./keys.ts')).keys,
}

async function run([name, ...args]: string[]): Promise<number> {
  if (name === undefined || ['help', '--help', '-h'].includes(name)) {
    console.log(USAGE)
    return 0
  }
  const load = COMMANDS[name]
  if (!load) throw new UsageError(`There is no command "${name}".`)
  const command = await load()
  return command(args)
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  console.error(describeFailure(error))
  if (error instanceof UsageError) console.error(`\n${USAGE}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
