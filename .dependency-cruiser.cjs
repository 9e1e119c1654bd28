/**
 * The floors of server/, from the ground up. A file imports from its own room and from the rooms of lower floors only,
 * type imports included; rooms of one floor do not import each other. A room is a folder of server/ or one of its loose files.
 */
const floors = [
  ['errors', 'schema', 'crypto', 'config'],
  ['principal'],
  ['core'],
  ['db'],
  ['files', 'periodic', 'mongod', 'hub'],
  ['http'],
  ['html'],
  ['audit'],
  ['auth'],
  ['clients'],
  ['sessions'],
  ['people'],
  ['job'],
  ['scrubbing'],
  ['logs'],
  ['secrets'],
  ['leases'],
  ['claims'],
  ['queues'],
  ['agents'],
  ['jobs', 'results'],
  ['metrics', 'health', 'api-page', 'migration'],
  ['web'],
  ['areas.ts'],
  ['app.ts'],
  ['process'],
  ['main.ts'],
  ['cli'],
];

const rooms = floors.flat();
const pathOf = (room) => (room.endsWith('.ts') ? `^server/${room.replace('.', '\\.')}$` : `^server/${room}/`);

const floorRules = floors.flatMap((floor, level) =>
  floor.map((room) => ({
    name: `floor-of-${room.replace('.ts', '')}`,
    comment: `server/${room} may import from these rooms only: ${floors.slice(0, level).flat().join(', ')}`,
    severity: 'error',
    from: { path: pathOf(room) },
    to: { path: '^server/', pathNot: [...floors.slice(0, level).flat(), room].map(pathOf) },
  })),
);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...floorRules,
    {
      name: 'no-circle',
      comment: 'Files that import each other in a circle cannot be read, or loaded, one after the other.',
      severity: 'error',
      from: { path: '^server/' },
      to: { circular: true },
    },
    {
      name: 'known-room',
      comment: 'Every file of server/ belongs to a room whose floor is listed in .dependency-cruiser.cjs.',
      severity: 'error',
      from: { path: '^server/', pathNot: rooms.map(pathOf) },
      to: {},
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^server/(api-page/start|sessions/once)\\.js$' },
  },
};
