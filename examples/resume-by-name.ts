// A study is continued by its name: after the end of the program, after a crash, on another day. Trials that were in
// progress when the program was killed are given out again.
//   resume-by-name.ts [folder for the database]
import { createStudy, defineSpace, float, openStorage } from 'hypevolve'

const space = defineSpace({ x: float(0, 1, { default: 0.9 }) })
const file = `${process.argv[2] ?? 'runs/example'}/resume.db`
const open = () => createStudy({ space, storage: file, name: 'parabola', seed: 7 })
const objective = ({ hyp }: { hyp: { x: number } }) => -((hyp.x - 0.3) ** 2)

const first = await open()
await first.optimize(objective, { trials: 20 })
await first.extend(40)
const lost = await first.ask() // its result never comes
await first.close()

const second = await open()
await second.optimize(objective, { trials: 40 }) // 20 more, the lost one first
const attempts = await second.attempts(lost?.number)
console.log(`trial ${lost?.number}: ${attempts.map(({ ending }) => ending).join(', then ')}`)
console.log(await second.counts(), second.best)
await second.close()

// What is in the file, without working on it.
const storage = await openStorage(file, { mustExist: true })
for (const { name, counts } of await storage.studies()) console.log(name, counts)
await storage.close()
