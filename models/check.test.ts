import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findModelFaults, ModelsNotReady, verifyModels } from './check.ts'
import { BUILT_FILES } from './table.ts'

const built = join(import.meta.dirname, 'onnx')

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'models-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test('the models that npm ci built are the pinned ones', async () => {
  await expect(verifyModels(built)).resolves.toBeUndefined()
})

test('one byte more and a missing file are both named, with the command that mends them', async () => {
  const folder = await temporaryFolder()
  await cp(built, folder, { recursive: true })
  await writeFile(join(folder, 'selfie.onnx'), 'x', { flag: 'a' })
  await rm(join(folder, 'nanodet.onnx'))

  const error = await verifyModels(folder).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(ModelsNotReady)
  expect(error).toHaveProperty('message', `nanodet.onnx is missing, selfie.onnx is altered in ${folder}: run \`npm run models\``)
})

test('in a folder that does not exist every model and the font are missing', async () => {
  const faults = await findModelFaults(join(await temporaryFolder(), 'none'))
  expect(faults.map(({ model, is }) => [model.file, is])).toEqual(BUILT_FILES.map(({ file }) => [file, 'missing']))
})
