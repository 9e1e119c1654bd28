import type { Collection, Db } from 'mongodb';

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

/** Who holds a job in progress; the attempt is the fencing token of its writes. */
export interface Lease {
  /** The agent's name; absent while nobody holds the job. */
  holder?: string;
  /** 1 for the first claim, one more for each further one; kept over a resubmission. */
  attempt: number;
}

/** A job as stored; `job_data` is what the submitter sent. */
export interface JobRecord {
  job_id: string;
  /** Marks the one live document of its `job_id`: the unique index covers only documents that carry it. */
  live: true;
  created_at: Date;
  started_at?: Date;
  job_priority: number;
  job_data: Record<string, unknown> & {
    job_queue: string;
    exclude_agents?: string[];
    attachments_status?: 'waiting' | 'complete';
  };
  result_data: { job_state: string; [field: string]: unknown };
  lease?: Lease;
  /** Client id of the submitter; absent when anonymous. */
  submitted_by?: string;
  /** The `Idempotency-Key` of the submission, as digests. */
  idempotency?: { key: string; body: string };
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
  provision_streak_type?: string;
  provision_streak_count?: number;
  updated_at?: Date;
}

/** The collections, with the names that existing databases use. */
export interface Collections {
  clients: Collection<ClientRecord>;
  clientKeys: Collection<ClientKey>;
  refreshTokens: Collection<RefreshToken>;
  restrictedQueues: Collection<RestrictedQueue>;
  jobs: Collection<JobRecord>;
  agents: Collection<AgentRecord>;
  /** Pieces of job output, written by Testflinger servers. */
  logs: Collection<{ job_id: string }>;
  /** When a process last showed that it can write. */
  serviceBeats: Collection<{ _id: string; at?: Date }>;
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
    serviceBeats: db.collection('service_beats'),
    loginFailures: db.collection('login_failures'),
  };
}
