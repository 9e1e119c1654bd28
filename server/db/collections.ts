import type { Binary, Collection, Db, ObjectId } from 'mongodb';
import type { JobRecord } from '../job/job-record.js';

export type * from '../job/job-record.js';

/** A client: who it is and what its tokens may state. `client_id` is unique. */
export interface ClientRecord {
  client_id: string;
  /** bcrypt, absent for a client that has server-made keys only. */
  client_secret_hash?: string;
  role?: string;
  max_priority?: Record<string, number>;
  allowed_queues?: string[];
  max_reservation_time?: Record<string, number>;
  email?: string;
  /** Subject of an OIDC client: it signs in elsewhere and has no secret here. */
  sub?: string;
}

/** A key made by the server; only the digest of its secret is kept. */
export interface ClientKey {
  key_id: string;
  client_id: string;
  /** Hex. */
  secret_sha256: string;
  label?: string;
  created_at: Date;
  /** Absent: never. */
  expires_at?: Date;
  /** To the day: `2026-11-23`. */
  last_used_on?: string;
}

/** A refresh token; `sha256:<hex>` where this server issued it, clear in older records. */
export interface RefreshToken {
  client_id: string;
  refresh_token: string;
  issued_at: Date;
  /** Absent: never. */
  expires_at?: Date;
  revoked?: boolean;
  last_accessed?: Date;
}

/** A queue that takes jobs only from the clients whose `allowed_queues` names it. */
export interface RestrictedQueue {
  queue_name: string;
}

/** An agent as it describes itself. `name` is unique. */
export interface AgentRecord {
  name: string;
  state?: string;
  queues?: string[];
  location?: string;
  provision_type?: string;
  job_id?: string;
  log?: string[];
  comment?: string;
  identifier?: string;
  /** Id of the client that used the name first. */
  bound_to?: string;
  provision_streak_type?: string;
  provision_streak_count?: number;
  /** The provisions of the last minute, by which one that is told twice is known. */
  recent_provisions?: { job_id: string; exit_code: number; at: Date }[];
  updated_at?: Date;
  /** When it was last heard of, to the minute. */
  seen_at?: Date;
}

/** One piece of a job's log; numbers run over the whole job, per log. */
export interface LogRecord {
  job_id: string;
  /** `output` or `serial`. */
  log_type: string;
  phase: string;
  fragment_number: number;
  /** The attempt that it belongs to; absent for the first one, 0 for a line of the server's own. */
  attempt?: number;
  /** When the agent made it, by its clock. */
  timestamp: Date;
  log_data: string;
  /** What each U+FFFD of `log_data` was, two bytes each, where some were halves of surrogate pairs. */
  replaced?: Binary;
  /** Sealed: what was appended to the piece when its phase ended, which a further piece may go on with. */
  released?: Binary;
  /** Sealed: the end of the piece that may begin a secret; kept out of the text until it is known how it goes on. */
  held?: Binary;
  /** Marks a piece that is stored once; absent from those of Testflinger servers. */
  live?: true;
  updated_at: Date;
}

/** The secrets that an attempt at a job was given, which no text of it may hold. */
interface JobMasksRecord {
  job_id: string;
  attempt: number;
  /** Each sealed by itself. */
  values: Binary[];
  /** All of the attempt's values are there. */
  complete?: true;
  expire_at: Date;
}

/** A queue as agents advertise it. */
interface QueueRecord {
  name: string;
  description?: string;
  /** Image names and the provision data that each stands for; neither is ever a field of a filter. */
  images?: Record<string, unknown>;
  /** Marks the one record of its name; absent from those of Testflinger servers. */
  live?: true;
  updated_at?: Date;
}

/** How long jobs of a queue waited for an agent. */
export interface QueueWaitTimes {
  name: string;
  /** Seconds, the newest last. */
  wait_times: number[];
  /** Marks the one record of its name; absent from those of Testflinger servers. */
  live?: true;
}

/** How an agent's last provisions ended, the newest last. */
interface ProvisionLogs {
  name: string;
  provision_log: { job_id: string; exit_code: number; detail?: string; timestamp: Date }[];
  /** Marks the one record of its name; absent from those of Testflinger servers. */
  live?: true;
}

/** A file of GridFS; the bytes are in its chunks. */
export interface StoredFile {
  _id: ObjectId;
  /** `<job_id>.attachments` or `<job_id>.artifact`. */
  filename: string;
  /** Bytes, of the file and of each of its chunks but the last. */
  length: number;
  chunkSize: number;
  uploadDate: Date;
  /** The attempt at the job that an artifact is of: it counts only once the job names it. */
  attempt?: number;
}

/** A periodic duty that a process has taken. */
export interface DutyLockRecord {
  /** Name of the duty. */
  _id: string;
  /** The process. */
  holder: string;
  /** When it was taken or kept last. */
  at: Date;
  /** When another process may take it. */
  until: Date;
}

/** A piece of a file. */
export interface StoredChunk {
  files_id: ObjectId;
  /** 0 for the first. */
  n: number;
  data: Buffer;
  /** By which it expires; those of older servers have none. */
  uploadDate?: Date;
}

/** The collections, with the names that existing databases use. */
export interface Collections {
  clients: Collection<ClientRecord>;
  clientKeys: Collection<ClientKey>;
  refreshTokens: Collection<RefreshToken>;
  restrictedQueues: Collection<RestrictedQueue>;
  jobs: Collection<JobRecord>;
  agents: Collection<AgentRecord>;
  logs: Collection<LogRecord>;
  jobMasks: Collection<JobMasksRecord>;
  queues: Collection<QueueRecord>;
  queueWaitTimes: Collection<QueueWaitTimes>;
  provisionLogs: Collection<ProvisionLogs>;
  files: Collection<StoredFile>;
  fileChunks: Collection<StoredChunk>;
  /** When a process last showed that it can write; when leases were swept last. */
  serviceBeats: Collection<{ _id: string; at?: Date; last_sweep_at?: Date }>;
  locks: Collection<DutyLockRecord>;
  /** One document: what each process is about to take, while several claim from the same queues. */
  claimsUnderWay: Collection<{ _id: string; choices: { process: string; jobs: ObjectId[]; until: Date }[] }>;
  /** Failed logins, written by rate-limiter-flexible only. */
  loginFailures: Collection;
}

/** The collections of one database. */
export function openCollections(db: Db): Collections {
  return {
    clients: db.collection('client_permissions'),
    clientKeys: db.collection('client_keys'),
    refreshTokens: db.collection('refresh_tokens'),
    restrictedQueues: db.collection('restricted_queues'),
    jobs: db.collection('jobs'),
    agents: db.collection('agents'),
    logs: db.collection('logs'),
    jobMasks: db.collection('job_masks'),
    queues: db.collection('queues'),
    queueWaitTimes: db.collection('queue_wait_times'),
    provisionLogs: db.collection('provision_logs'),
    files: db.collection('fs.files'),
    fileChunks: db.collection('fs.chunks'),
    serviceBeats: db.collection('service_beats'),
    locks: db.collection('locks'),
    claimsUnderWay: db.collection('claims_under_way'),
    loginFailures: db.collection('login_failures'),
  };
}
