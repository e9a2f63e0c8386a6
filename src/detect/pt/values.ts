// What the pickle of a PyTorch file may hold, as plain values: nothing here runs, whatever a file says.
/**
 * A value of a pickle. Lists are arrays, tuples are frozen arrays, dictionaries are `Map`s (keys as they were pickled),
 * sets are `Set`s, bytes are `Uint8Array`s, integers beyond 2^53 are bigints; further objects are {@link PtRecord},
 * {@link PtGlobal}, `Tensor`, `Storage` and NumPy's. The only guarantee is what a reader checks for itself.
 */
export type PtValue = null | boolean | number | bigint | string | object

/** The pickle names a class or function. It is a name only; what a call of it means is said by `call`, if anything. */
export class PtGlobal {
  constructor(
    /** Dotted, as 'models.common.Conv'. */
    readonly name: string,
    /** What the call of it gives. */
    readonly call: (args: readonly PtValue[]) => PtValue,
  ) {}
}

/** An object of a class that is known by name only: its class, what it was made with, and its attributes. */
export class PtRecord {
  /** Attributes by name. */
  readonly attributes = new Map<PtValue, PtValue>()

  constructor(
    readonly className: string,
    readonly args: readonly PtValue[],
  ) {}

  get(name: string): PtValue | undefined {
    return this.attributes.get(name)
  }
}
