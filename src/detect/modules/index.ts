// The modules that a model yaml may name.
import { bottleneck } from './bottleneck.ts'
import { bottleneckCsp } from './bottleneck-csp.ts'
import { c3 } from './c3.ts'
import { concat } from './concat.ts'
import { conv } from './conv.ts'
import { detect } from './detect.ts'
import { dwConv } from './dw-conv.ts'
import { focus } from './focus.ts'
import { ghostConv } from './ghost-conv.ts'
import type { DetectorModule } from './module.ts'
import { spp } from './spp.ts'
import { sppf } from './sppf.ts'
import { upsample } from './upsample.ts'

/** Modules by their name in a yaml. */
export const modules = {
  Bottleneck: bottleneck,
  BottleneckCSP: bottleneckCsp,
  C3: c3,
  Concat: concat,
  Conv: conv,
  Detect: detect,
  DWConv: dwConv,
  Focus: focus,
  GhostConv: ghostConv,
  SPP: spp,
  SPPF: sppf,
  'nn.Upsample': upsample,
} as const satisfies Record<string, DetectorModule>

export type ModuleName = keyof typeof modules

export * from './module.ts'
