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
  /** Subject of a person, who signs in at an OIDC provider and has no secret here. */
  sub?: string;
  /** The provider's issuer; absent in records that another server made, until their person signs in here. */
  iss?: string;
  /** The person's name, as the provider states it. */
  name?: string;
  created_at?: Date;
  /** When the person last signed in; 90 days later the record is removed. */
  last_login?: Date;
}
