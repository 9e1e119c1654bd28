import type { Collection, ObjectId } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';

/** A file of GridFS; the bytes are in its chunks. */
export interface StoredFile {
  _id: ObjectId;
  /** `<job_id>.attachments` or `<job_id>.artifact`. */
  filename: string;
  /** Size of the file in bytes. */
  length: number;
  /** Size in bytes of each chunk except the last. */
  chunkSize: number;
  uploadDate: Date;
  /**
   * The attempt at the job that an artifact belongs to. The artifact is visible only once the job names this attempt.
   */
  attempt?: number;
}

/** A piece of a file. */
export interface StoredChunk {
  files_id: ObjectId;
  /** 0 for the first. */
  n: number;
  data: Buffer;
  /** The date from which the chunk's TTL counts; chunks of older servers have none. */
  uploadDate?: Date;
}

/** The collections of files. */
export interface FileCollections {
  files: Collection<StoredFile>;
  fileChunks: Collection<StoredChunk>;
}

/** Their names in the database: those of GridFS. */
export const fileCollections = {
  files: 'fs.files',
  fileChunks: 'fs.chunks',
} satisfies Record<keyof FileCollections, string>;

/** The indexes of files. */
export const fileIndexes: readonly IndexRow<keyof FileCollections>[] = [
  {
    collection: 'files',
    name: 'qp_filename',
    keys: { filename: 1, uploadDate: 1 },
    serves: "a job's attachments or artifact",
  },
  {
    collection: 'files',
    name: 'qp_expiry',
    keys: { uploadDate: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'files are removed after 7 days',
  },
  {
    collection: 'fileChunks',
    name: 'qp_chunk',
    keys: { files_id: 1, n: 1 },
    options: { unique: true },
    serves: 'the chunks of a file, in order',
  },
  {
    collection: 'fileChunks',
    name: 'qp_expiry',
    keys: { uploadDate: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'chunks are removed after 7 days, including those of an upload whose process was killed',
  },
];
