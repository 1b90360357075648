import { SHAPE_KEYS_MAX } from './wire-format.ts';

/** The list of keys of an object, found again by identity. */
export interface RecordShape {
  readonly keys: readonly string[];
  /** Its number in the buffer that is being written, valid if that buffer's table agrees. */
  number: number;
}

interface ShapeNode {
  readonly children: Map<string, ShapeNode>;
  shape: RecordShape | null;
}

/** Keys in the tree; when there are more, everything is forgotten and learnt anew. */
const NODES_MAX = 8192;

/**
 * The shapes that an encoder has met, as a tree of keys: looking one up builds no array and no
 * string. Bounded. One thread.
 */
export class RecordShapes {
  #root: ShapeNode = { children: new Map(), shape: null };
  #nodes = 0;

  /** The shape of the object; null where it has too many keys to be worth one. */
  of(object: object): RecordShape | null {
    if (this.#nodes > NODES_MAX) {
      this.#root = { children: new Map(), shape: null };
      this.#nodes = 0;
    }
    let node = this.#root;
    let keyCount = 0;
    for (const key in object) {
      keyCount += 1;
      if (keyCount > SHAPE_KEYS_MAX) return null;
      let child = node.children.get(key);
      if (child === undefined) {
        child = { children: new Map(), shape: null };
        this.#nodes += 1;
        node.children.set(key, child);
      }
      node = child;
    }
    node.shape ??= { keys: Object.keys(object), number: -1 };
    return node.shape;
  }
}
