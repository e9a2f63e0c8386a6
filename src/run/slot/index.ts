export { Slot, type SlotOptions } from './slot.ts'
