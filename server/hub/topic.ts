import type { Signal } from './signal.js';

/** A request that waits for messages. */
export interface Subscriber<Message> {
  signal: Signal;
  /** Returns whether `publishToOne` may give this subscriber the message. By default, it may give it every message. */
  accepts?(message: Message): boolean;
  /** Receives a message right before it wakes the subscriber: `undefined` if messages may have been missed. */
  receive?(message: Message | undefined): void;
}

/** The subscribers of one key in order of arrival, and how many messages were published since the first one came. */
interface Channel<Message> {
  subscribers: Set<Subscriber<Message>>;
  published: number;
}

/**
 * Delivers messages by key to the requests of this process that wait for them. A key uses memory only while it has
 * subscribers. A subscriber that does not wait at the moment is not woken: its signal ends its next wait at once.
 */
export class Topic<Message> {
  readonly #channels = new Map<string, Channel<Message>>();
  readonly #subscribers = new Set<Subscriber<Message>>();
  #isEnding = false;

  /** Whether the process stops, so that no request may wait any longer. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** The number of subscribers that wait now. */
  get idleCount(): number {
    return [...this.#subscribers].filter(({ signal }) => signal.isIdle).length;
  }

  /** Subscribes to the messages of some keys. Returns a function that unsubscribes. */
  subscribe(keys: readonly string[], subscriber: Subscriber<Message>): () => void {
    const { signal } = subscriber;
    this.#subscribers.add(subscriber);
    const leaveChannels = keys.map((key) => {
      const channel = this.#channels.get(key) ?? { subscribers: new Set(), published: 0 };
      this.#channels.set(key, channel);
      channel.subscribers.add(subscriber);
      const unwatch = signal.watch(() => channel.published);
      return () => {
        unwatch();
        channel.subscribers.delete(subscriber);
        if (channel.subscribers.size === 0) this.#channels.delete(key);
      };
    });
    if (this.#isEnding) signal.end();
    return () => {
      this.#subscribers.delete(subscriber);
      for (const leaveChannel of leaveChannels) leaveChannel();
    };
  }

  /** Wakes every subscriber of the key that waits now. */
  publish(key: string, message: Message): void {
    const channel = this.#channels.get(key);
    if (channel === undefined) return;
    channel.published += 1;
    for (const subscriber of channel.subscribers) deliver(subscriber, message);
  }

  /** Wakes one subscriber of the key: the first one that waits now and accepts the message. */
  publishToOne(key: string, message: Message): void {
    const channel = this.#channels.get(key);
    if (channel === undefined) return;
    channel.published += 1;
    for (const subscriber of channel.subscribers) {
      if (!subscriber.signal.isIdle || subscriber.accepts?.(message) === false) continue;
      deliver(subscriber, message);
      return;
    }
  }

  /** Reports that messages may have been missed: wakes every subscriber of all keys that waits now. */
  publishGap(): void {
    for (const channel of this.#channels.values()) channel.published += 1;
    for (const subscriber of this.#subscribers) deliver(subscriber, undefined);
  }

  /** Ends all waits, because the process stops. */
  end(): void {
    this.#isEnding = true;
    for (const { signal } of this.#subscribers) signal.end();
  }
}

function deliver<Message>({ signal, receive }: Subscriber<Message>, message: Message | undefined): void {
  if (!signal.isIdle) return;
  receive?.(message);
  signal.wake();
}
