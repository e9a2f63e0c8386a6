// The commands of the CLI, in the order of the help. A new one is a file here and a line in this list.
import { doctor } from './doctor.ts'
import { exportModel } from './export.ts'
import { train } from './train.ts'
import { val } from './val.ts'

export const commands = [train, val, exportModel, doctor] as const
