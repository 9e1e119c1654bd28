/** Milliseconds after which a request that the database leaves without an answer is answered 503. */
export const requestTimeLimitMs = 9000;
