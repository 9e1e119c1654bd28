import test from 'ava';
import fc from 'fast-check';
import { provisionData, provisionVariants } from '../../server/job/provision-data.js';
import { object, readInput, toJsonSchema } from '../../server/schema/schema.js';

const schema = object({ provision_data: provisionData().nullable() });
const REFUSED = {
  ok: false,
  errors: { provision_data: { _schema: ['Invalid provision data schema.'] } },
} as const;

const URL_ = 'http://images.lab/x.img';
const robot = { url: URL_, robot_tasks: ['a.robot'] };

const examples: Record<keyof typeof provisionVariants, object[]> = {
  cm3: [{ url: URL_ }],
  maas: [{}, { distro: 'noble', kernel: 'k', user_data: 'u', disks: [{ id: 1 }], ephemeral: true }],
  multi: [{ jobs: [{ job_queue: 'a' }] }],
  muxpi: [
    { url: URL_, media: 'sd' },
    {
      use_attachment: 'x',
      attachments: [{ agent: 'x', device: 'y' }],
      create_user: false,
      boot_check_url: 'any',
    },
  ],
  noprovision: [{ skip: true }, { skip: false }],
  oem_autoinstall: [
    { url: URL_, attachments: [], token_file: 't', user_data: 'u', redeploy_cfg: 'r', authorized_keys: 'k' },
    { control_host_iso_url: 'i', control_host_iso_type: 't', update_user_data: true },
  ],
  oem_script: [{ url: URL_ }],
  control_host_iot_custom: [
    { url: URL_, provision_plan: { 'a.b': 1 }, ubuntu_sso_email: 'a@b.io', provisioning_timeout: 5 },
    { urls: [URL_], provision_plan: {}, attachments: [], agent_ssh_access: true },
  ],
  control_host_iot_preset: [{ attachments: [{ agent: 'a' }], preset: 'p', preset_kwargs: { $x: [1] } }],
  control_host_kvm_autoinstall: [
    {
      ...robot,
      robot_retries: 2,
      autoinstall_storage_layout: 'l',
      ubuntu_sso_email: 'a@b.io',
      cmdline_append: 'c',
    },
    { ...robot, autoinstall_base_user_data: 'u', autoinstall_oem: true, provisioning_timeout: 1 },
  ],
  control_host_kvm_generic: [{ ...robot, live_image: true, wait_until_ssh: false, robot_retries: 1 }],
  control_host_kvm_oem_2204: [{ ...robot, alloem_url: URL_, oem: 'o' }],
  control_host_kvm_preset: [
    { preset: 'p', alloem_url: URL_, autoinstall_base_user_data: 'u', autoinstall_oem: false, oem: 'o' },
    { ...robot, preset: 'p', live_image: true, cmdline_append: 'c', autoinstall_storage_layout: 'l' },
    { preset: 'p', ubuntu_sso_email: 'a@b.io', wait_until_ssh: true, provisioning_timeout: 3 },
  ],
};

for (const [name, bodies] of Object.entries(examples)) {
  test(`data for ${name} is kept as sent, and no other field is allowed`, (t) => {
    const variant = provisionVariants[name as keyof typeof provisionVariants];
    for (const data of bodies) {
      t.true(readInput(variant, data).ok, JSON.stringify(data));
      const outcome = readInput(schema, { provision_data: data });
      t.is(JSON.stringify(outcome), JSON.stringify({ ok: true, value: { provision_data: data } }));
      t.deepEqual(readInput(schema, { provision_data: { ...data, nonsense: 1 } }), REFUSED);
    }
  });
}

test('the variants are in the order in which a Testflinger server tries them', (t) => {
  t.deepEqual(Object.keys(provisionVariants), Object.keys(examples));
  t.is(Object.keys(provisionVariants).length, 13);
});

test('null means no provisioning', (t) => {
  t.deepEqual(readInput(schema, { provision_data: null }), { ok: true, value: { provision_data: null } });
});

const unfit: unknown[] = [
  5,
  'text',
  true,
  [],
  { url: 'no-url' },
  { url: null },
  { jobs: [] },
  { jobs: [5] },
  { media: 'sd' },
  { url: URL_, media: 'nvme' },
  { use_attachment: 'x', attachments: [{ device: 'y' }] },
  { skip: 'maybe' },
  { provision_plan: {} },
  { provision_plan: {}, attachments: [] },
  { provision_plan: {}, urls: [] },
  { provision_plan: {}, url: URL_, urls: [URL_] },
  { provision_plan: {}, url: URL_, attachments: [{ agent: 'a' }] },
  { provision_plan: {}, attachments: [{ agent: 'a' }, { agent: 'b' }] },
  { provision_plan: [], url: URL_ },
  { provision_plan: { 'a\0': 1 }, url: URL_ },
  { provision_plan: {}, url: URL_, ubuntu_sso_email: 'nobody' },
  { ...robot, robot_retries: 'few' },
  { ...robot, robot_tasks: [5] },
  { preset: 5 },
  { preset_kwargs: {}, url: URL_ },
];

for (const data of unfit) {
  test(`${JSON.stringify(data)} matches no variant`, (t) => {
    t.deepEqual(readInput(schema, { provision_data: data }), REFUSED);
  });
}

test('the first variant that matches converts numbers and booleans', (t) => {
  for (const [sent, stored] of [
    [{ skip: 'no' }, { skip: false }],
    [{ ephemeral: 1 }, { ephemeral: true }],
    [
      { wait_until_ssh: 'yes', live_image: '0', ...robot, robot_retries: '3' },
      { wait_until_ssh: true, live_image: false, ...robot, robot_retries: 3 },
    ],
  ]) {
    const outcome = readInput(schema, { provision_data: sent });
    t.is(JSON.stringify(outcome), JSON.stringify({ ok: true, value: { provision_data: stored } }));
  }
  t.deepEqual(readInput(provisionVariants.noprovision, {}), { ok: true, value: { skip: true } });
});

test('the variants are described in JSON Schema', (t) => {
  const described = toJsonSchema(provisionData())['anyOf'] as object[];
  t.is(described.length, 13);
  t.deepEqual(described[0], toJsonSchema(provisionVariants.cm3));
});

test('provision data that matches a variant keeps its fields, and all other data is refused as a whole', (t) => {
  const names = ['url', 'jobs', 'skip', 'preset', 'attachments', 'robot_tasks', 'disks'];
  const some = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.jsonValue(), fc.constant(URL_)));
  const either = fc.property(some, (data) => {
    const outcome = readInput(schema, { provision_data: data });
    if (!outcome.ok) t.deepEqual(outcome, REFUSED);
    else t.deepEqual(Object.keys(outcome.value.provision_data ?? {}), Object.keys(data));
  });
  t.notThrows(() => fc.assert(either));
});
