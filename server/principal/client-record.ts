/** A client: who it is and what its tokens may state. `client_id` is unique. */
export interface ClientRecord {
  client_id: string;
  /** bcrypt; absent for a client that has server-made keys only. */
  client_secret_hash?: string;
  role?: string;
  max_priority?: Record<string, number>;
  allowed_queues?: string[];
  max_reservation_time?: Record<string, number>;
  email?: string;
  /** Subject of an OIDC client: it signs in elsewhere and has no secret here. */
  sub?: string;
}
