// Hyperparameters of one training, and their yaml file.

/** All hyperparameters of a training, key to value, in file order. */
export type Hyp = Readonly<Record<string, number>>
