// A study that lives as long as the program: for toy functions, tests, and searches embedded in other programs.
import { EventStorage } from './event-storage.ts'

export class MemoryStorage extends EventStorage {
  constructor() {
    super(() => new Date())
  }

  protected override async keep(): Promise<void> {}

  override async close(): Promise<void> {}
}
