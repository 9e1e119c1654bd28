import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';

/** A MongoDB that exists for one benchmark. */
export interface BenchMongod {
  /** Its connection string, which names no database. */
  uri: string;
  dataDir: string;
  /** Stops mongod and removes its data, all databases included. */
  stop(): Promise<void>;
}

/**
 * Starts a mongod in a temporary directory. It also ends when this process dies.
 * @param onFailed is called once if mongod dies and cannot be kept running
 */
export async function startBenchMongod(onFailed: (error: Error) => void): Promise<BenchMongod> {
  const dataDir = mkdtempSync(join(tmpdir(), 'queuepass-bench-'));
  const removeData = () => rmSync(dataDir, { recursive: true, force: true });
  try {
    const report = (line: string) => console.error(line);
    const mongod = await startEmbeddedMongod({ dataDir, environment: process.env, report, onFailed });
    return { uri: mongod.uri, dataDir, stop: () => mongod.stop().finally(removeData) };
  } catch (error) {
    removeData();
    throw error;
  }
}
