import type { Area } from '../core/area.js';
import { fileCollections, fileIndexes } from './collections.js';
import type { FileServices } from './services.js';
import { surveyFiles } from './survey-files.js';

/** Files, stored in GridFS format. */
export const filesArea: Area<FileServices> = {
  name: 'files',
  collections: fileCollections,
  indexes: fileIndexes,
  surveys: { 'fs.files': surveyFiles },
};
