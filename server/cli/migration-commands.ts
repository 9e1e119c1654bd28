import type { Command } from 'commander';
import type { Finding } from '../core/adoption.js';
import type { GlobalOptions } from './find-connection.js';
import { print, printJson, printToStderr } from './print.js';

/** Adds `doctor` and `migrate`, which work directly on the database that the settings name. */
export function addMigrationCommands(program: Command): void {
  program
    .command('doctor')
    .description(
      'report what the database contains, what `migrate` would change and what cannot be read; writes nothing',
    )
    .action(runDoctor);
  program
    .command('migrate')
    .description(
      'add missing indexes and fields to a Testflinger database; a Testflinger server can still use the database',
    )
    .option('--finish', 'also replace plain-text refresh tokens with digests; this cannot be undone')
    .action(runMigrate);
}

async function runDoctor(_options: object, command: Command): Promise<void> {
  const { surveyDatabase } = await import('../migration/survey.js');
  const { adoptionTables } = await import('../areas.js');
  const { openAdminDatabase } = await import('./admin-database.js');
  const database = await openAdminDatabase(process.env, printToStderr);
  try {
    const findings = await database.run((_, db) => surveyDatabase(db, adoptionTables));
    if (command.optsWithGlobals<GlobalOptions>().json) return printJson(findings);
    for (const finding of findings) printFinding(finding);
    const problems = findings.reduce((sum, finding) => sum + finding.problems.length, 0);
    print(
      problems === 0 ? 'No problems found.' : `Problems found: ${problems}. Check them before you migrate.`,
    );
  } finally {
    await database.close();
  }
}

function printFinding({ collection, documents, changes, problems, notes }: Finding): void {
  print(`${collection}: ${documents.toLocaleString('en')} documents`);
  for (const problem of problems) print(`  problem: ${problem}`);
  for (const change of changes) print(`  change:  ${change}`);
  for (const note of notes) print(`  note:    ${note}`);
}

async function runMigrate({ finish = false }: { finish?: boolean }, command: Command): Promise<void> {
  const { migrate } = await import('../migration/migrate.js');
  const { adoptionTables } = await import('../areas.js');
  const { openAdminDatabase } = await import('./admin-database.js');
  const database = await openAdminDatabase(process.env, printToStderr);
  try {
    const migrated = await database.run((_, db) =>
      migrate(db, adoptionTables, { finish, report: printToStderr }),
    );
    if (command.optsWithGlobals<GlobalOptions>().json) return printJson(migrated);
    for (const { name, present } of adoptionTables.adoption)
      if (name in migrated) print(present(migrated[name]));
    if (finish) return;
    print('A Testflinger server can still use this database. To check it again, run: queuepass doctor');
  } finally {
    await database.close();
  }
}
