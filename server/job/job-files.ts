/** The name under which a job's attachments are stored, as Testflinger servers do. */
export function attachmentsName(jobId: string): string {
  return `${jobId}.attachments`;
}

/** The name under which a job's artifact is stored, as Testflinger servers do. */
export function artifactName(jobId: string): string {
  return `${jobId}.artifact`;
}
