// The types of silhouette.js; those of requests and answers are in contract.d.ts.

import type {
  Alive, BulkLine, Deletion, Failure, Hit, IndexAnswer, Item, ItemAnswer, ItemList, ItemsImageQuery, ItemsItemsQuery,
  ItemsSimilarQuery, MadeChange, PatchedItem, Ready, SearchAnswer, SearchBody, SimilarAnswer, StoredItem, Version,
  VersionAnswer,
} from "./contract.js";

export type * from "./contract.js";

/** The service refused a request, or failed. */
export class ApiError extends Error {
  readonly status: number;
  /** For programs, such as `image_undecodable`; empty where something in front of the service answered. */
  readonly code: string;
  /** What was received, what is accepted and what to do. */
  readonly detail: string;
  /** The field at fault. */
  readonly param?: string;
  /** What the service's log calls the request. */
  readonly requestId: string;
  /** Seconds to wait; 0 where the service does not say. */
  readonly retryAfter: number;
  constructor(status: number, problem: object, retryAfter?: number);
}

/** A search: a picture's `file`, or one of the fields that name one, and the fields beside it. */
export interface Query extends SearchBody {
  file?: Blob | null;
}

/** An item to be stored: its photographs as `files`, or in one of the other fields. */
export interface NewItem {
  files?: Blob[];
  image_base64?: string | string[];
  image_urls?: string[];
  metadata?: Record<string, unknown>;
}

/** The line of `bulk` that puts an item. */
export function putLine(id: string, item: NewItem): Promise<BulkLine>;

export interface CallOptions {
  signal?: AbortSignal;
}

export interface ClientOptions {
  /** Needed by what writes. It belongs in no page. */
  key?: string;
  /** How often a request is sent again that the service was too busy for (429, 503). */
  retries?: number;
  /** Seconds to wait before such a retry at most. */
  longestWait?: number;
  /** Used instead of the global `fetch`. */
  fetch?: typeof fetch;
}

/** A service. Its methods reject with an `ApiError`, or with what `fetch` rejects with. */
export class Client {
  /** Where the service is, with its prefix where it has one. */
  readonly base: string;
  constructor(base: string, options?: ClientOptions);
  search(query: Query, options?: CallOptions): Promise<SearchAnswer>;
  pages(query: Query, options?: CallOptions): AsyncGenerator<SearchAnswer, void>;
  hits(query: Query, options?: CallOptions): AsyncGenerator<Hit, void>;
  batch(searches: SearchBody[], options?: CallOptions): Promise<Array<SearchAnswer | Failure>>;
  similar(id: string, fields?: ItemsSimilarQuery, options?: CallOptions): Promise<SimilarAnswer>;
  deleteQuery(queryId: string, options?: CallOptions): Promise<void>;
  item(id: string, options?: CallOptions): Promise<ItemAnswer>;
  items(fields?: ItemsItemsQuery, options?: CallOptions): AsyncGenerator<Item, void>;
  itemPages(fields?: ItemsItemsQuery, options?: CallOptions): AsyncGenerator<ItemList, void>;
  imageUrl(id: string, fields?: ItemsImageQuery): string;
  image(id: string, fields?: ItemsImageQuery, options?: CallOptions): Promise<Blob>;
  putItem(id: string, item: NewItem, options?: CallOptions): Promise<StoredItem>;
  patchItem(id: string, metadata: Record<string, unknown>, options?: CallOptions): Promise<PatchedItem>;
  deleteItem(id: string, options?: CallOptions): Promise<Deletion>;
  bulk(
    changes: Iterable<BulkLine> | AsyncIterable<BulkLine>, options?: CallOptions,
  ): AsyncGenerator<MadeChange | Failure, void>;
  index(options?: CallOptions): Promise<IndexAnswer>;
  versions(options?: CallOptions): Promise<Version[]>;
  activate(version: string, options?: CallOptions): Promise<VersionAnswer>;
  alive(options?: CallOptions): Promise<Alive>;
  ready(options?: CallOptions): Promise<Ready>;
}
