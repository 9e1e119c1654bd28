import type { Command } from 'commander';
import type { Finding } from '../core/adoption.js';
import type { GlobalOptions } from './find-connection.js';
import { print, printJson, tell } from './print.js';

/** Adds `doctor` and `migrate`, which work straight on the database that the settings name. */
export function addMigrationCommands(program: Command): void {
  program
    .command('doctor')
    .description(
      'tell what is in the database, what migrate would change and what cannot be read; writes nothing',
    )
    .action(runDoctor);
  program
    .command('migrate')
    .description(
      'bring a Testflinger database the indexes and fields it lacks; a Testflinger server still runs on it',
    )
    .option('--finish', 'also replace clear refresh tokens by digests: from then on there is no way back')
    .action(runMigrate);
}

async function runDoctor(_options: object, command: Command): Promise<void> {
  const { surveyDatabase } = await import('../migration/survey.js');
  const { adoptionTables } = await import('../areas.js');
  const { openAdminDatabase } = await import('./admin-database.js');
  const database = await openAdminDatabase(process.env, tell);
  try {
    const findings = await database.run((_, db) => surveyDatabase(db, adoptionTables));
    if (command.optsWithGlobals<GlobalOptions>().json) return printJson(findings);
    for (const finding of findings) printFinding(finding);
    const problems = findings.reduce((sum, finding) => sum + finding.problems.length, 0);
    print(problems === 0 ? 'Nothing stands in the way.' : `${problems} things need a look.`);
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
  const database = await openAdminDatabase(process.env, tell);
  try {
    const migrated = await database.run((_, db) => migrate(db, adoptionTables, { finish, report: tell }));
    if (command.optsWithGlobals<GlobalOptions>().json) return printJson(migrated);
    for (const { name, present } of adoptionTables.adoption)
      if (name in migrated) print(present(migrated[name]));
    if (finish) return;
    print('A Testflinger server still runs on this database. Look again: queuepass doctor');
  } finally {
    await database.close();
  }
}
