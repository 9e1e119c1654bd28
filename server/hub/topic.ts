import type { Signal } from './signal.js';

/** Somebody who waits for messages. */
export interface Subscriber<Message> {
  signal: Signal;
  /** Whether a message is for this subscriber, where each is for one only; every message when not given. */
  accepts?(message: Message): boolean;
  /** Receives a message right before it wakes the subscriber; `undefined` for messages that were missed. */
  receive?(message: Message | undefined): void;
}

/** A key with subscribers: those, in the order of their arrival, and how many messages were published meanwhile. */
interface Channel<Message> {
  subscribers: Set<Subscriber<Message>>;
  published: number;
}

/**
 * Messages by key, and the requests of this process that wait for them. A key costs nothing while nobody waits for it.
 * Subscribers that look at the moment are not woken: their signal notices the message when they wait again.
 */
export class Topic<Message> {
  readonly #channels = new Map<string, Channel<Message>>();
  readonly #subscribers = new Set<Subscriber<Message>>();
  #isEnding = false;

  /** The process ends: nobody waits any longer. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** How many subscribers wait, and do not look. */
  get idleCount(): number {
    return [...this.#subscribers].filter(({ signal }) => signal.isIdle).length;
  }

  /** Delivers messages of some keys from now on; what it returns ends that. */
  subscribe(keys: readonly string[], subscriber: Subscriber<Message>): () => void {
    const { signal } = subscriber;
    this.#subscribers.add(subscriber);
    const endings = keys.map((key) => {
      const channel = this.#channels.get(key) ?? { subscribers: new Set(), published: 0 };
      this.#channels.set(key, channel);
      channel.subscribers.add(subscriber);
      const ignore = signal.watch(() => channel.published);
      return () => {
        ignore();
        channel.subscribers.delete(subscriber);
        if (channel.subscribers.size === 0) this.#channels.delete(key);
      };
    });
    if (this.#isEnding) signal.end();
    return () => {
      this.#subscribers.delete(subscriber);
      for (const end of endings) end();
    };
  }

  /** Wakes every subscriber of the key. */
  publish(key: string, message: Message): void {
    const channel = this.#channels.get(key);
    if (channel === undefined) return;
    channel.published += 1;
    for (const subscriber of channel.subscribers) deliver(subscriber, message);
  }

  /** Wakes one subscriber of the key: the one that came first, waits and accepts the message. */
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

  /** Messages may have been missed: wakes every subscriber of every key. */
  publishGap(): void {
    for (const channel of this.#channels.values()) channel.published += 1;
    for (const subscriber of this.#subscribers) deliver(subscriber, undefined);
  }

  /** Ends all waits: the process ends. */
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
