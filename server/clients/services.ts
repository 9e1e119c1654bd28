/** The dependencies that client management needs besides those of auth. */
export interface ClientServices {
  /** Removes a client's data in all areas; it can run again. */
  removeClientData(clientId: string): Promise<void>;
}
