// YOLOv3: Darknet's cfg and weights files, and the rules that such models train by. Start at model.ts and family.ts.
export { type CfgOptions, parseCfgModel } from './model.ts'
export { type DarknetWeights, exportCfg, exportDarknet, readDarknetWeights } from './weights.ts'
