import { accessTokenScheme } from './access-token-scheme.js';
import { clientKeyScheme } from './client-key-scheme.js';

/** The credential schemes of clients. */
export const authSchemes = { accessToken: accessTokenScheme, clientKey: clientKeyScheme };
