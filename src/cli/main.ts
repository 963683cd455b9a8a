import { describeFailure, UsageError } from './failure.ts'

const USAGE = `dramatis — characters for AI video, from one to three seconds of any clip

  dramatis serve                                  the service and its pages
  dramatis create URL|FILE --at 1,3 [--name NAME] make a character; prints what the API answers
  dramatis detect URL|FILE [--at 1,3]             list who and what is in the window; keeps nothing
  dramatis resolve "PROMPT" [--model MODEL]       who a prompt calls, and what the model would be sent; makes nothing
  dramatis video "PROMPT" [--model MODEL] [--size 1280x720] [--seconds 4] [--seed 7] [--out FILE]
                                                  make a video and keep it in a file
  dramatis doctor                                 what works on this machine, and how to mend what does not
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
