import type { ChangeStream, Collection, Document } from 'mongodb';

/** The change streams of a collection that open from now on; a test can hold their changes back. */
export interface HeldStream {
  /** Holds back all changes until `release`. */
  hold(): void;
  release(): void;
  /** Ends the open streams, as after a failover that invalidated them. */
  lose(): Promise<void>;
}

/** Takes control over when the changes of a server's collection arrive. */
export function holdStream<T extends Document>(collection: Collection<T>): HeldStream {
  const watch = collection.watch.bind(collection);
  const open = new Set<ChangeStream>();
  let gate = Promise.resolve();
  let openGate = (): void => undefined;
  collection.watch = ((...given: Parameters<typeof watch>) => {
    const stream = watch(...given) as unknown as ChangeStream;
    const iterate = stream[Symbol.asyncIterator].bind(stream);
    open.add(stream);
    stream[Symbol.asyncIterator] = async function* () {
      for await (const change of { [Symbol.asyncIterator]: iterate }) {
        await gate;
        yield change;
      }
    } as never;
    return stream;
  }) as unknown as typeof collection.watch;
  return {
    hold() {
      gate = new Promise((resolve) => (openGate = resolve));
    },
    release: () => openGate(),
    async lose() {
      openGate();
      await Promise.all([...open].map((stream) => stream.close()));
      open.clear();
    },
  };
}
