// How the tables came to be: a list that only grows. Released entries are never edited or reordered; databases of each
// released version stand in test/golden/databases and must open.
import type { Transaction } from 'kysely'
import { StorageNewerError } from '../../base/index.ts'
import type { Dialect, Tx } from './dialect.ts'
import type { StudyTable } from './schema.ts'

interface Migration {
  readonly name: string
  up(tx: Tx, dialect: Dialect): Promise<void>
}

export const migrations: readonly Migration[] = [
  {
    name: 'studies, trials, attempts',
    async up(tx, { idType }) {
      const schema = tx.schema
      await schema
        .createTable('study')
        .addColumn('id', idType, (col) => (idType === 'serial' ? col.primaryKey() : col.primaryKey().autoIncrement()))
        .addColumn('name', 'text', (col) => col.notNull().unique())
        .addColumn('key', 'text', (col) => col.notNull())
        .addColumn('definition', 'text', (col) => col.notNull())
        .addColumn('target', 'integer')
        .addColumn('stopping', 'integer', (col) => col.notNull())
        .addColumn('sequence', 'integer', (col) => col.notNull())
        .addColumn('created_at', 'text', (col) => col.notNull())
        .execute()
      await schema
        .createTable('worker')
        .addColumn('id', idType, (col) => (idType === 'serial' ? col.primaryKey() : col.primaryKey().autoIncrement()))
        .addColumn('study_id', 'integer', (col) => col.notNull().references('study.id').onDelete('cascade'))
        .addColumn('host', 'text', (col) => col.notNull())
        .addColumn('pid', 'integer', (col) => col.notNull())
        .addColumn('started_at', 'text', (col) => col.notNull())
        .addColumn('registered_at', 'text', (col) => col.notNull())
        .addColumn('heartbeat_at', 'text', (col) => col.notNull())
        .addColumn('ended_at', 'text')
        .execute()
      await schema.createIndex('worker_of_study').on('worker').columns(['study_id', 'ended_at']).execute()
      await schema
        .createTable('trial')
        .addColumn('study_id', 'integer', (col) => col.notNull().references('study.id').onDelete('cascade'))
        .addColumn('number', 'integer', (col) => col.notNull())
        .addColumn('state', 'text', (col) => col.notNull())
        .addColumn('sequence', 'integer', (col) => col.notNull())
        .addColumn('attempt', 'integer', (col) => col.notNull())
        .addColumn('hyp', 'text', (col) => col.notNull())
        .addColumn('digest', 'bigint', (col) => col.notNull())
        .addColumn('parents', 'text', (col) => col.notNull())
        .addColumn('mutated', 'text', (col) => col.notNull())
        .addColumn('seen', 'integer', (col) => col.notNull())
        .addColumn('worker_id', 'integer')
        .addColumn('fitness', 'double precision')
        .addColumn('metrics', 'text')
        .addColumn('epochs', 'integer')
        .addColumn('failure', 'text')
        .addColumn('output', 'text')
        .addPrimaryKeyConstraint('trial_number', ['study_id', 'number'])
        .execute()
      await schema.createIndex('trial_by_sequence').on('trial').columns(['study_id', 'sequence']).execute()
      await schema.createIndex('trial_by_state').on('trial').columns(['study_id', 'state', 'number']).execute()
      await schema
        .createTable('attempt')
        .addColumn('study_id', 'integer', (col) => col.notNull().references('study.id').onDelete('cascade'))
        .addColumn('trial', 'integer', (col) => col.notNull())
        .addColumn('attempt', 'integer', (col) => col.notNull())
        .addColumn('worker_id', 'integer', (col) => col.notNull())
        .addColumn('started_at', 'text', (col) => col.notNull())
        .addColumn('ended_at', 'text')
        .addColumn('ending', 'text')
        .addColumn('failure', 'text')
        .addColumn('output', 'text')
        .addPrimaryKeyConstraint('attempt_number', ['study_id', 'trial', 'attempt'])
        .execute()
      await schema
        .createTable('epoch')
        .addColumn('study_id', 'integer', (col) => col.notNull().references('study.id').onDelete('cascade'))
        .addColumn('trial', 'integer', (col) => col.notNull())
        .addColumn('attempt', 'integer', (col) => col.notNull())
        .addColumn('epoch', 'integer', (col) => col.notNull())
        .addColumn('metrics', 'text', (col) => col.notNull())
        .addPrimaryKeyConstraint('epoch_number', ['study_id', 'trial', 'attempt', 'epoch'])
        .execute()
      await schema
        .createTable('artifact')
        .addColumn('id', idType, (col) => (idType === 'serial' ? col.primaryKey() : col.primaryKey().autoIncrement()))
        .addColumn('study_id', 'integer', (col) => col.notNull().references('study.id').onDelete('cascade'))
        .addColumn('trial', 'integer', (col) => col.notNull())
        .addColumn('kind', 'text', (col) => col.notNull())
        .addColumn('path', 'text', (col) => col.notNull())
        .addUniqueConstraint('artifact_path', ['study_id', 'trial', 'path'])
        .execute()
      await schema
        .createTable('turn')
        .addColumn('study_id', 'integer', (col) => col.primaryKey().references('study.id').onDelete('cascade'))
        .addColumn('token', 'text', (col) => col.notNull())
        .addColumn('host', 'text', (col) => col.notNull())
        .addColumn('pid', 'integer', (col) => col.notNull())
        .addColumn('started_at', 'text', (col) => col.notNull())
        .addColumn('taken_at', 'text', (col) => col.notNull())
        .execute()
    },
  },
  {
    name: 'trainings of different length',
    async up(tx) {
      const { schema } = tx
      // A target may be a fraction now. SQLite cannot change the type of a column: another one takes its place.
      await schema.alterTable('study').addColumn('total', 'double precision').execute()
      const withTotal = tx as unknown as Transaction<{ study: StudyTable & { total: number | null } }>
      await withTotal
        .updateTable('study')
        .set(({ ref }) => ({ total: ref('target') }))
        .execute()
      await schema.alterTable('study').dropColumn('target').execute()
      await schema.alterTable('study').renameColumn('total', 'target').execute()
      await schema.alterTable('study').addColumn('finished_target', 'double precision').execute()
      await schema
        .alterTable('study')
        .addColumn('reported', 'integer', (col) => col.notNull().defaultTo(0))
        .execute()
      for (const name of ['fidelity', 'continues', 'repeats', 'repetition'])
        await schema.alterTable('trial').addColumn(name, 'integer').execute()
      for (const name of ['violation', 'second'])
        await schema.alterTable('trial').addColumn(name, 'double precision').execute()
      await schema.alterTable('epoch').addColumn('fitness', 'double precision').execute()
      await schema.alterTable('epoch').addColumn('sequence', 'integer').execute()
      await schema
        .createIndex('epoch_by_sequence')
        .on('epoch')
        .columns(['study_id', 'sequence'])
        .where('sequence', 'is not', null)
        .execute()
    },
  },
  {
    name: 'patience of studies that go on',
    async up(tx) {
      await tx.schema.alterTable('study').addColumn('patience_from', 'double precision').execute()
    },
  },
]

/**
 * Brings a storage to this release's version. Several processes may do so at once: one does, the others wait.
 *
 * @param goal - the version, if it is to be an earlier one
 * @throws {@link StorageNewerError} if a later release made it
 */
export async function migrate(dialect: Dialect, goal = migrations.length): Promise<void> {
  const version = await dialect.read(async (db) => ((await dialect.isInitialised(db)) ? currentVersion(db) : 0))
  requireKnown(dialect, version)
  if (version >= goal) return
  await dialect.write(async (tx) => {
    await dialect.lockAll(tx)
    await dialect.prepare(tx)
    if (!(await dialect.isInitialised(tx))) {
      await tx.schema
        .createTable('hypevolve_version')
        .addColumn('version', 'integer', (col) => col.primaryKey())
        .addColumn('name', 'text', (col) => col.notNull())
        .addColumn('applied_at', 'text', (col) => col.notNull())
        .execute()
    }
    const done = await currentVersion(tx)
    requireKnown(dialect, done)
    for (const [i, { name, up }] of migrations.entries()) {
      if (i < done || i >= goal) continue
      await up(tx, dialect)
      const applied_at = new Date(await dialect.now(tx)).toISOString()
      await tx
        .insertInto('hypevolve_version')
        .values({ version: i + 1, name, applied_at })
        .execute()
    }
  })
}

async function currentVersion(db: Pick<Tx, 'selectFrom'>): Promise<number> {
  const row = await db
    .selectFrom('hypevolve_version')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst()
  return row?.version ?? 0
}

function requireKnown({ location }: Dialect, version: number): void {
  if (version > migrations.length) throw new StorageNewerError(location, version, migrations.length)
}
