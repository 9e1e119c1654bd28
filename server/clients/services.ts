/** What the management of clients takes besides what auth adds. */
export interface ClientServices {
  /** Removes everything that ends with a client, in all areas; can run twice. */
  endClient(clientId: string): Promise<void>;
}
