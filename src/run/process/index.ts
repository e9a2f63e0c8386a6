// Outside programs as process groups: started under guard, their output read, their end explained.
export { classifyExit, describeExit } from './classify.ts'
export { type Exit, killGroup, type ProcessGroup, startGroup } from './group.ts'
export { guardGroup, releaseGroup } from './guardian.ts'
export { groupMemory, machineMemory } from './memory.ts'
export { type MetricLine, parseMetricLine } from './metric-line.ts'
export { LineSplitter, Tail, TrialLog } from './output.ts'
export { limit } from './timer.ts'
