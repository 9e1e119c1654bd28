/** Milliseconds after which a request is answered 503 if the database does not respond. */
export const requestTimeLimitMs = 9000;
