/** A stored client: its credentials and its permissions. `client_id` is unique. */
export interface ClientRecord {
  client_id: string;
  /** bcrypt; absent for a client that only has keys made by the server. */
  client_secret_hash?: string;
  role?: string;
  max_priority?: Record<string, number>;
  allowed_queues?: string[];
  max_reservation_time?: Record<string, number>;
  email?: string;
  /** Subject of an OIDC client, which signs in at its provider and has no secret here. */
  sub?: string;
}
