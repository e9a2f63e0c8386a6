// Learning rates, momentum, accumulation, EMA decay, loss gains and early stopping of YOLOv5 v7.0.
import { expect, it } from 'vitest'
import { EarlyStopping, emaDecay, Schedule, scaleLossGains } from '../../../src/detect/schedule.ts'
import { golden, readReferenceJson, referenceFiles } from '../reference.ts'

interface ScheduleCase {
  epochs: number
  nb: number
  batch_size: number
  cos_lr: boolean
  hyp: ConstructorParameters<typeof Schedule>[0]['hyp']
  note: string
  nw: number
  accumulate_before_warmup: number
  scaled_weight_decay: number
  lr_factor_per_epoch: number[]
  lr: [number, number, number][]
  momentum: number[]
  accumulate: number[]
  optimizer_step_at: number[]
  logged_lr_at_epoch_end: [number, number, number][]
}

const has = (file: string) => referenceFiles('training/schedules', /\.json$/).includes(file)

/** Within 1e-6, absolute for numbers below 1. */
const close = (value: number, expected: number) => Math.abs(value - expected) <= 1e-6 * Math.max(1, Math.abs(expected))

golden<ScheduleCase>(
  'training/schedules',
  'iterations',
  () => (has('schedules.json') ? readReferenceJson('training/schedules/schedules.json') : []),
  (cases) => {
    for (const [index, c] of cases.entries())
      it(`${index}: ${c.note || `${c.epochs} epochs of ${c.nb}`}`, () => {
        const schedule = new Schedule({
          epochs: c.epochs,
          batches: c.nb,
          batchSize: c.batch_size,
          cosLr: c.cos_lr,
          hyp: c.hyp,
        })
        expect(schedule.warmupIterations).toBe(c.nw)
        expect(close(schedule.weightDecay, c.scaled_weight_decay)).toBe(true)
        for (const [epoch, factor] of c.lr_factor_per_epoch.entries())
          expect(close(schedule.learningRateFactor(epoch), factor)).toBe(true)
        const steps: number[] = []
        let lastStep = -1
        for (const [iteration, lr] of c.lr.entries()) {
          const now = schedule.at(iteration)
          const { bias, decayed, norm } = now.learningRate
          const rates = [bias, decayed, norm]
          for (const [group, rate] of rates.entries())
            if (!close(rate, lr[group]!))
              expect.fail(`iteration ${iteration}, group ${group}: ${rate}, not ${lr[group]}`)
          if (!close(now.momentum, c.momentum[iteration]!))
            expect.fail(`iteration ${iteration}: momentum ${now.momentum}, not ${c.momentum[iteration]}`)
          if (now.accumulate !== c.accumulate[iteration])
            expect.fail(`iteration ${iteration}: accumulate ${now.accumulate}, not ${c.accumulate[iteration]}`)
          if (schedule.steps(iteration, lastStep)) steps.push((lastStep = iteration))
        }
        expect(steps).toEqual(c.optimizer_step_at)
        for (const [epoch, lr] of c.logged_lr_at_epoch_end.entries()) {
          const { bias, decayed, norm } = schedule.at((epoch + 1) * c.nb - 1).learningRate
          for (const [group, rate] of [bias, decayed, norm].entries()) expect(close(rate, lr[group]!)).toBe(true)
        }
      })
  },
)

interface Misc {
  loss_gain_scaling: {
    nl: number
    nc: number
    imgsz: number
    in: { box: number; cls: number; obj: number }
    out: { box: number; cls: number; obj: number }
  }[]
  early_stopping: {
    patience: number
    fitness: number[]
    stop: boolean[]
    best_epoch: number
    best_fitness: number
  }[]
  ema_decay: { decay: number; tau: number; updates: number; d: number }[]
}

const misc = (): Partial<Misc> => (has('misc.json') ? readReferenceJson('training/schedules/misc.json') : {})

golden(
  'training/schedules',
  'loss gains',
  () => misc().loss_gain_scaling ?? [],
  (cases) => {
    for (const c of cases)
      it(`${c.nl} levels, ${c.nc} classes, ${c.imgsz} px`, () => {
        const scaled = scaleLossGains(c.in, c.nl, c.nc, c.imgsz)
        for (const term of ['box', 'cls', 'obj'] as const) expect(close(scaled[term], c.out[term])).toBe(true)
      })
  },
)

golden(
  'training/schedules',
  'early stopping',
  () => misc().early_stopping ?? [],
  (cases) => {
    for (const [index, c] of cases.entries())
      it(`${index}: patience ${c.patience}`, () => {
        const stopping = new EarlyStopping(c.patience)
        expect(c.fitness.map((value, epoch) => stopping.update(epoch, value))).toEqual(c.stop)
        expect([stopping.bestEpoch, stopping.bestFitness]).toEqual([c.best_epoch, c.best_fitness])
      })
  },
)

golden(
  'training/schedules',
  'EMA decay',
  () => (misc().ema_decay ?? []).filter((c) => c.decay === 0.9999 && c.tau === 2000),
  (cases) => {
    it.each(cases)('after $updates updates', ({ updates, d }) => expect(close(emaDecay(updates), d)).toBe(true))
  },
)
