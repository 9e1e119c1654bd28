import type { Survey } from '../core/adoption.js';

/** Reports stored files that have too few or too many chunks. */
export const surveyFiles: Survey = async (db) => {
  const problems: string[] = [];
  const files = db.collection('fs.files').find({}, { projection: { filename: 1, length: 1, chunkSize: 1 } });
  for await (const { _id, filename, length, chunkSize } of files) {
    const expected = Math.ceil(Number(length) / Number(chunkSize));
    const found = await db.collection('fs.chunks').countDocuments({ files_id: _id });
    if (found !== expected) problems.push(`${filename}: ${found} of ${expected} chunks are stored`);
  }
  return { changes: [], problems, notes: [] };
};
