/** Returns the file name of a job's stored attachments, the same as on a Testflinger server. */
export function attachmentsName(jobId: string): string {
  return `${jobId}.attachments`;
}

/** Returns the file name of a job's stored artifact, the same as on a Testflinger server. */
export function artifactName(jobId: string): string {
  return `${jobId}.artifact`;
}
