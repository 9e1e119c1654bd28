import Koa from 'koa';
import { MongoClient } from 'mongodb';

/** A baseline: a Koa route that does one indexed MongoDB read and nothing else. */
const client = new MongoClient(process.env.MONGODB_URI as string, { maxPoolSize: 100 });
const clients = client.db('bench').collection('client_permissions');
const app = new Koa();
app.use(async (ctx) => {
  const found = await clients.findOne({ client_id: 'bcrypt-0' });
  ctx.body = found?.client_id;
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address() as { port: number };
  process.stderr.write(`Queuepass listens on http://127.0.0.1:${address.port}\n`);
});
