export {
  bestRow,
  type EvolveCsv,
  type EvolveRow,
  evolveConsoleText,
  evolveCsvHeader,
  evolveCsvLine,
  evolvePrefix,
  evolveTitles,
  hypEvolveYaml,
  readEvolveCsv,
  rowFitness,
  toEvolveRow,
} from './evolve-file.ts'
