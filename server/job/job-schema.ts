import type { z } from 'zod';
import { anyMap, bool, integer, listOf, mapOf, object, text } from '../schema/schema.js';
import { attachment, provisionData } from './provision-data.js';
import { reserveTimeout } from './reserve-timeout.js';

const SSH_KEY = /^(lp|gh):(\S+)$/;
const SECRET_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const SECRET_PATH = /^[a-zA-Z0-9_/-]+$/;

const testData = object({
  test_cmds: text().optional(),
  attachments: listOf(attachment).optional(),
  secrets: mapOf(text({ pattern: SECRET_PATH }), { keyPattern: SECRET_NAME }).optional(),
  test_username: text().optional(),
  test_password: text().optional(),
});

const reserveData = object({
  ssh_keys: listOf(text({ pattern: SSH_KEY })).optional(),
  timeout: reserveTimeout().optional(),
});

/**
 * The body of POST /v1/job (v1 contract, section 2). Timeouts are in seconds. Fields keep the order in which they were
 * sent, and none is added except the `skip` of `provision_data`. A `job_id` of `""` means none. A later check returns 400
 * if the `job_id` is not a UUID.
 */
export const jobSchema = object({
  job_id: text().optional(),
  parent_job_id: text().optional(),
  name: text().optional(),
  tags: listOf(text()).optional(),
  job_queue: text({ min: 1 }),
  global_timeout: integer().optional(),
  output_timeout: integer().optional(),
  allocation_timeout: integer().optional(),
  provision_data: provisionData().nullable().optional(),
  firmware_update_data: anyMap().optional(),
  test_data: testData.optional(),
  allocate_data: anyMap().optional(),
  reserve_data: reserveData.optional(),
  job_status_webhook: text().optional(),
  job_priority: integer().optional(),
  exclude_agents: listOf(text()).optional(),
  debug: bool().optional(),
});

/** Also accepts the response of GET /v1/job/{id}: the fields that it adds are not stored. */
export const submittedJobSchema = jobSchema.extend({
  lease: anyMap().optional(),
  attempts: listOf(anyMap()).optional(),
});

/** A submitted job after validation: numbers and booleans are converted, the rest is as sent. */
export type JobInput = z.output<typeof submittedJobSchema>;
