import { z } from 'zod'
import { StoredUpload } from '../uploads.ts'

export const importBody = z.strictObject({
  file: z.instanceof(StoredUpload).meta({ description: 'What an export answered with, in a form.', type: 'string', format: 'binary' }),
  username: z.string().nullish().meta({ description: 'Absent: the name it had.', examples: ['misty_otter'] }),
  on_conflict: z.enum(['refuse', 'rename']).nullish().meta({ description: 'When somebody holds its name: refuse with username_taken, or take a free one near it. Refuse unless it says otherwise.' }),
}).meta({ id: 'Import' })
