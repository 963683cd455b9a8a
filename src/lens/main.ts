// The program inside the jail: `main.ts <models folder>`, with its pipes to the service.
import { createJob } from './job.ts'
import { loadModels } from './models.ts'
import { serveJob } from './serve-job.ts'
import { stepBack } from './step-back.ts'

stepBack()
serveJob(async () => {
  const [modelsFolder = ''] = process.argv.slice(2)
  const models = await loadModels(modelsFolder)
  await models.warmUp()
  return (source) => createJob(source, models)
})
