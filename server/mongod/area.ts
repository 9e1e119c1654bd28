import type { Area } from '../core/area.js';
import { type MongodSettings, mongodSettings } from './settings.js';

/** The embedded MongoDB, which runs if the settings name no other. */
export const mongodArea: Area<{ config: MongodSettings }> = { name: 'mongod', settings: mongodSettings };
