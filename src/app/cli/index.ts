// The commands of the CLI, in the order of the help. A new one is a file here and a line in this list.
import { best } from './best.ts'
import { compare } from './compare.ts'
import { data } from './data.ts'
import { deleteStudy } from './delete.ts'
import { doctor } from './doctor.ts'
import { exportModel } from './export.ts'
import { importTable } from './import.ts'
import { importance } from './importance.ts'
import { logs } from './logs.ts'
import { predict } from './predict.ts'
import { reproduce } from './reproduce.ts'
import { resume } from './resume.ts'
import { show } from './show.ts'
import { status } from './status.ts'
import { stop } from './stop.ts'
import { studies } from './studies.ts'
import { suggest } from './suggest.ts'
import { train } from './train.ts'
import { trials } from './trials.ts'
import { val } from './val.ts'

export const commands = [
  ...[train, val, predict, compare, exportModel, data, doctor],
  ...[studies, status, logs, trials, show, best, importance, reproduce, suggest],
  ...[resume, stop, importTable, deleteStudy],
] as const
