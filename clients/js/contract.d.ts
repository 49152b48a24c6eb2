// Requests and answers of the API, made from the contract of the service: do not edit.

/** A page of a ranking. */
export interface SearchAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  /** For further searches with the same picture, for a while. */
  query_id: string | null;
  index: IndexInUse;
  query: Understood;
  results: Array<Hit>;
  /** Items in the whole ranking, or groups of duplicates. */
  total: number;
  /** Where the next page starts; null after the last one. */
  next_offset: number | null;
  /** Of the `facets` that were asked for; left out where none were. */
  facets?: Array<CountedFacet> | null;
  took_ms: Record<string, number>;
}

/** What went wrong, in the manner of RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** For programs; each has its own status. */
  code: string;
  /** What was received, what is accepted, and what to do. */
  detail: string;
  /** The field at fault. */
  param?: string;
  request_id: string;
}

/** The answers to the searches of a batch, in their order. */
export interface BatchAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  answers: Array<SearchAnswer | Failure>;
}

/** Why a result matched, as JSON or drawn: the result is laid on the query, then they are compared. */
export interface ExplanationAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  /** What agrees and what does not. */
  sentence: string;
  /** Intersection over union of the two outlines' areas. */
  overlap: number;
  parts: Parts;
  /**
   * What is surely different of the result, the largest difference first; lengths and hems are
   * compared by the widths of the garments.
   */
  differences: Array<"longer" | "shorter" | "sleeves_longer" | "sleeves_shorter" | "hem_wider" | "hem_narrower">;
  /** Correlation of the inner lines; null where a garment has next to none. */
  lines: number | null;
}

/** A part of all items. */
export interface ItemList {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  items: Array<Item>;
  /** Items in all, of those that pass the filter. */
  total: number;
  /** Where the next part begins; null after the last one. */
  next_after: string | null;
}

/** One item. */
export interface ItemAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  item_id: string;
  /** Where its first photograph is, on this service. */
  image_url: string;
  metadata: Record<string, unknown>;
  /** Where all its photographs are, on this service. */
  image_urls: Array<string>;
}

/** An item that was put. */
export interface StoredItem {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  item_id: string;
  /** Where its first photograph is, on this service. */
  image_url: string;
  metadata: Record<string, unknown>;
  /** Where all its photographs are, on this service. */
  image_urls: Array<string>;
  /** Where its garment was found, in fractions of the first photograph. */
  box: [number, number, number, number];
  warnings: Array<"garment_not_found" | "several_garments" | "cutout_uncertain" | "nothing_close" | "filter_field_unknown">;
  /** The number of the change; each has a higher one. */
  change: number;
}

/** An item whose metadata was changed. */
export interface PatchedItem {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  item_id: string;
  /** Where its first photograph is, on this service. */
  image_url: string;
  metadata: Record<string, unknown>;
  /** Where all its photographs are, on this service. */
  image_urls: Array<string>;
  /** The number of the change; each has a higher one. */
  change: number;
}

/** An item that was deleted. */
export interface Deletion {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  item_id: string;
  /** The number of the change; each has a higher one. */
  change: number;
}

/** A page of the neighbours of an item. */
export interface SimilarAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  /** For further searches with the same picture, for a while. */
  query_id: string | null;
  index: IndexInUse;
  query: UnderstoodItem;
  results: Array<Hit>;
  /** Items in the whole ranking, or groups of duplicates. */
  total: number;
  /** Where the next page starts; null after the last one. */
  next_offset: number | null;
  /** Of the `facets` that were asked for; left out where none were. */
  facets?: Array<CountedFacet> | null;
  took_ms: Record<string, number>;
}

/** A line for each change, in their order: what was made, or why it was not. */
export type BulkAnswer = MadeChange | Failure;

/** What is served. */
export interface IndexAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  version: string;
  built_at: string;
  encoder: string;
  /** With all changes made since. */
  items: number;
  /** Items that have changed since the version was built. */
  changes: number;
  kind: string;
  /** Items that repeat another, in the version as it was built. */
  duplicates: number;
  /** What a page can offer to filter by. */
  filters: Array<Facet>;
  /** A few items to start from. */
  examples: Array<Item>;
  /**
   * Names under which metadata may hold a product's title, brand, price and so on, in lower case, of
   * letters and digits alone; of these the first that fits an item counts.
   */
  card_fields: Record<string, Array<string>>;
}

/** The version that was activated. */
export interface VersionAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  version: string;
  built_at: string;
  encoder: string;
  items: number;
  kind: string;
  current: boolean;
  /** Whether it belongs to the encoder in use. */
  usable: boolean;
}

/** The published versions, newest first; damaged ones are left out. */
export interface VersionsAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  versions: Array<Version>;
}

/** What who runs the service wants to know. */
export interface StatusAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  now: number;
  /** The version that is current; null where there is none. */
  current: string | null;
  /** The version that answers: another one where the current one can't be used. */
  served: string | null;
  /** Fingerprint of the encoder that queries are embedded with. */
  encoder: string;
  /** Items that can be found; null where no index is in use. */
  items: number | null;
  /** Items that have changed since the version was built. */
  changes: number | null;
  /** Newest first. */
  versions: Array<StatusVersion>;
  /** Versions whose manifests can't be read. */
  damaged: Array<string>;
  /** Newest first. */
  builds: Array<StatusBuild>;
  /** Of 24 hours; null where figures can't be read. */
  day: UsageOfSpan | null;
  /** Of 30 days; null where figures can't be read. */
  month: UsageOfSpan | null;
  /** Newest first. */
  loose: Array<LooseSearch>;
  /** Whether queries that found nothing close keep their pictures. */
  pictures_kept: boolean;
  golden: Array<GoldenQuery>;
}

/** What a build has changed: the first items of each list. */
export interface BuildAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  /** Names its note. */
  build: string;
  begun: string;
  /** "interrupted" where its process was ended or killed. */
  outcome: "running" | "published" | "refused" | "interrupted";
  /** Seconds; 0 where its process was killed. */
  took: number;
  version: string | null;
  /** The version that was in use before. */
  since: string | null;
  catalogue: string;
  /** Why nothing was published. */
  problem: string;
  /** Of each step. */
  seconds: Record<string, number>;
  /** Items in all, and new, changed, removed, skipped ones. */
  counts: Record<string, number>;
  /** What the gate has measured. */
  figures: Record<string, number>;
  /** A line for each check that failed. */
  failures: Array<string>;
  new: Array<ChangedItem>;
  changed: Array<ChangedItem>;
  removed: Array<ChangedItem>;
  skipped: Array<SkippedItem>;
}

/** What two versions find for one query; both as they were built, without changes made since. */
export interface ComparisonAnswer {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  before: ComparedVersion;
  after: ComparedVersion;
  /** Results of `after` that are not among those of `before`. */
  came: number;
  went: number;
  /** Results of both at different ranks. */
  moved: number;
}

/** The process is alive. */
export interface Alive {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  status: "alive";
}

/** Searches can be answered. */
export interface Ready {
  /** Also in the header X-Request-Id; name it in reports. */
  request_id: string;
  status: "ready";
  index: IndexInUse;
}

/** The version that answered. */
export interface IndexInUse {
  version: string;
  built_at: string;
  encoder: string;
  /** With all changes made since. */
  items: number;
}

/** What was understood of the query. */
export interface Understood {
  /** Which of the garments was searched with; null where none was found, and for a sketch. */
  garment: number | null;
  /** Where the garment was found, in fractions of the whole picture. */
  box: [number, number, number, number] | null;
  /** A guess, by a vote of the nearest items. */
  category: string | null;
  category_confidence: number | null;
  /**
   * The garments of the photograph, or of the `box` that was sent: first the one that a person would
   * mean.
   */
  garments: Array<FoundGarment>;
  /**
   * By how many degrees, 0, 90, 180 or 270, the picture, or the `box` of it, was turned clockwise to
   * stand upright. Boxes and outlines are those of the picture as it was sent.
   */
  turned: number;
  warnings: Array<"garment_not_found" | "several_garments" | "cutout_uncertain" | "nothing_close" | "filter_field_unknown">;
  /**
   * Share of the first eight items of the ranking expected to be right; left out where the encoder
   * tells none, and where nothing was found.
   */
  confidence?: number | null;
}

/** An item that was found. */
export interface Hit {
  rank: number;
  /** Cosine of the two embeddings. */
  score: number;
  /** Share of random pairs of the index that score less. */
  percentile: number;
  item_id: string;
  /** Which of its photographs was found, by its number from 0. */
  photo: number;
  /** Where that photograph is, on this service. */
  image_url: string;
  metadata: Record<string, unknown>;
  /**
   * Where the garment that was found lies in that photograph; left out where each item has one
   * photograph and one garment of it is indexed.
   */
  box?: [number, number, number, number] | null;
  /**
   * How well the part that was asked for was found in it; left out without a part, and behind the
   * ranking's first 1,000 items.
   */
  part_score?: number | null;
  /** Where that part was found in the photograph; left out where it is not known. */
  part_box?: [number, number, number, number] | null;
  /** Why it was found, drawn or as JSON; null where the picture could not be kept. */
  explain_url?: string | null;
}

/** The values of a field that was asked for, in the ranking's first 1,000 items. */
export interface CountedFacet {
  field: string;
  /** The most common first; at most 1,000. */
  values: Array<Counted>;
  /** Items without a value. */
  missing: number;
  /** Of the numbers among the values, if any. */
  lowest?: number | null;
  /** Of the numbers among the values, if any. */
  highest?: number | null;
}

/** A search of a batch that failed. */
export interface Failure {
  error: Problem;
}

/** The parts of two garments: thirds of their height, and halves of their width, as seen. */
export interface Parts {
  upper: AgreementOfPart;
  middle: AgreementOfPart;
  lower: AgreementOfPart;
  left: AgreementOfPart;
  right: AgreementOfPart;
}

/** An item. */
export interface Item {
  item_id: string;
  /** Where its first photograph is, on this service. */
  image_url: string;
  metadata: Record<string, unknown>;
}

/** The item whose neighbours were asked for. */
export interface UnderstoodItem {
  /** Which of the garments was searched with; null where none was found, and for a sketch. */
  garment: number | null;
  /** Where the garment was found, in fractions of the whole picture. */
  box: [number, number, number, number] | null;
  /** A guess, by a vote of the nearest items. */
  category: string | null;
  category_confidence: number | null;
  /**
   * The garments of the photograph, or of the `box` that was sent: first the one that a person would
   * mean.
   */
  garments: Array<FoundGarment>;
  /**
   * By how many degrees, 0, 90, 180 or 270, the picture, or the `box` of it, was turned clockwise to
   * stand upright. Boxes and outlines are those of the picture as it was sent.
   */
  turned: number;
  warnings: Array<"garment_not_found" | "several_garments" | "cutout_uncertain" | "nothing_close" | "filter_field_unknown">;
  /**
   * Share of the first eight items of the ranking expected to be right; left out where the encoder
   * tells none, and where nothing was found.
   */
  confidence?: number | null;
  item_id: string;
}

/** A change that was made. */
export interface MadeChange {
  item_id: string;
  /** Its number; each has a higher one. */
  change: number;
}

/** A field to filter by: one of few values, or a range of numbers. */
export interface Facet {
  field: string;
  /** Null for numbers; the most common first. */
  values?: Array<FacetValue> | null;
  /** Of numbers. */
  lowest?: number | null;
  /** Of numbers. */
  highest?: number | null;
}

/** A version that can be activated. */
export interface Version {
  version: string;
  built_at: string;
  encoder: string;
  items: number;
  kind: string;
  current: boolean;
  /** Whether it belongs to the encoder in use. */
  usable: boolean;
}

/** A published version, with what is known of its build. */
export interface StatusVersion {
  version: string;
  built_at: string;
  encoder: string;
  items: number;
  kind: string;
  current: boolean;
  /** Whether it belongs to the encoder in use. */
  usable: boolean;
  catalogue: string;
  photographs: number;
  duplicates: number;
  skipped: number;
  /** What was measured before it was published. */
  gate: Record<string, number>;
  /** Folder of its encoder, as its build has noted it. */
  bundle: string | null;
  /** The note of its build; null where there is none. */
  build: string | null;
}

/** How a build went. */
export interface StatusBuild {
  /** Names its note. */
  build: string;
  begun: string;
  /** "interrupted" where its process was ended or killed. */
  outcome: "running" | "published" | "refused" | "interrupted";
  /** Seconds; 0 where its process was killed. */
  took: number;
  version: string | null;
  /** The version that was in use before. */
  since: string | null;
  catalogue: string;
  /** Why nothing was published. */
  problem: string;
  /** Of each step. */
  seconds: Record<string, number>;
  /** Items in all, and new, changed, removed, skipped ones. */
  counts: Record<string, number>;
  /** What the gate has measured. */
  figures: Record<string, number>;
  /** A line for each check that failed. */
  failures: Array<string>;
}

/** Searches of a day, or of a month: part by part, the oldest first, and all together. */
export interface UsageOfSpan {
  parts: Array<UsageOfPeriod>;
  total: UsageOfPeriod;
}

/** A query that found nothing close. */
export interface LooseSearch {
  /** Seconds since 1970. */
  at: number;
  kind: string;
  category: string | null;
  confidence: number | null;
  /** That of the first result. */
  percentile: number | null;
  /** Its picture, where the operator lets pictures be kept. */
  image_url: string | null;
}

/** A golden query of the last build. */
export interface GoldenQuery {
  golden: number;
  name: string;
  k: number;
  /** What must be among the first `k` results. */
  item_ids: Array<string>;
  /** What was not, in the last build. */
  missing: Array<string>;
  image_url: string;
}

/** An item that a build has changed. */
export interface ChangedItem {
  item_id: string;
  /** Its photograph, where a version is kept that has it. */
  image_url: string | null;
}

/** A photograph that a build has skipped, or an item. */
export interface SkippedItem {
  item_id: string;
  path: string;
  reason: string;
  image_url: string | null;
}

/** What one of two versions finds. */
export interface ComparedVersion {
  version: string;
  encoder: string;
  category: string | null;
  confidence: number | null;
  results: Array<ComparedHit>;
  /** What the golden query asks for and is not among its first `k`. */
  missing: Array<string>;
}

/** A garment that was found in a photograph. */
export interface FoundGarment {
  /** One of upper, outer, dress, trousers, skirt, shoes, bag, hat. */
  type: string;
  /** In fractions of the whole picture. */
  box: [number, number, number, number];
  /** How much of the outline is expected to be right. */
  confidence: number;
  /** Whether a person wears it. */
  worn: boolean;
  /** Polygons, one for each part and each hole: x and y in fractions of the whole picture. */
  outline: Array<Array<[number, number]>>;
}

/** How many items have a value. */
export interface Counted {
  value: boolean | number | string;
  items: number;
}

/** How a part of two garments agrees. */
export interface AgreementOfPart {
  /** Intersection over union of the two outlines' areas. */
  overlap: number;
  /** What the result has there beyond the query, less what it lacks, as a share of both. */
  difference: number;
}

/** A value that items share. */
export interface FacetValue {
  value: string | boolean;
  /** How many have it; in Milvus, in the version as it was built. */
  items: number;
}

/** Searches of an hour, or of several. */
export interface UsageOfPeriod {
  /** When it begins, in seconds since 1970. */
  at: number;
  searches: number;
  answered: number;
  /** Not answered, whatever the reason. */
  refused: number;
  /** Not answered for want of capacity. */
  busy: number;
  /** Answers to pictures. */
  judged: number;
  /** Those of them that found nothing close. */
  loose: number;
  /** Median time to an answer; null where there was none. */
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

/** A result of one of two versions. */
export interface ComparedHit {
  item_id: string;
  /** Where its first photograph is, on this service. */
  image_url: string;
  metadata: Record<string, unknown>;
  rank: number;
  score: number;
  percentile: number;
  /** Its rank in the other version; null behind the first 100. */
  other_rank: number | null;
  /** Whether the other version holds the item at all. */
  elsewhere: boolean;
  /** Whether the golden query asks for it. */
  wanted: boolean;
}

/** A search in JSON: exactly one picture, uploaded or referred to. */
export interface SearchBody {
  /** What the picture is; a sketch is dark strokes on light. Accepted: "photo", "sketch". */
  kind?: "photo" | "sketch";
  /**
   * The part of the picture to search with. Accepted: four fractions of the picture, left, top, right,
   * bottom, from 0 to 1 with left < right and top < bottom, at least 0.02 apart, such as [0.1, 0.2,
   * 0.9, 0.95].
   */
  box?: [number, number, number, number] | null;
  /**
   * Which garment of the photograph to search with, by its position among `query.garments` of an
   * answer without a box; a `box` overrules it. Accepted: a whole number from 0, below the number of
   * garments found.
   */
  garment?: number | null;
  /** Results on a page. Accepted: a whole number from 1 to 100. */
  limit?: number;
  /** Results of the ranking to leave out before the page. Accepted: a whole number from 0 to 100,000. */
  offset?: number;
  /** Items that score less are not listed. Accepted: a number from -1 to 1. */
  min_score?: number;
  /**
   * Only items whose metadata passes are listed. Accepted: an object of fields and the values, lists
   * of values, or bounds (gte, gt, lte, lt, eq, ne, in) they must have.
   */
  filter?: Record<string, unknown> | null;
  /** List of equal pictures only the best. Accepted: true or false. */
  collapse_duplicates?: boolean;
  /** Give each result the address of why it was found. Accepted: true or false. */
  explain?: boolean;
  /**
   * Of the ranking's first 1,000 items, those whose metadata passes a `filter` count as if they scored
   * `add` more. Accepted: a list of up to 16 objects with a `filter` and `add`, a number from -2 to 2.
   */
  boost?: Array<BoostBy>;
  /**
   * Orders the ranking's first 1,000 items by a field of their metadata, those without one last.
   * Accepted: an object with `field` and `order`, "asc" or "desc".
   */
  sort?: SortBy | null;
  /**
   * Fields whose values are counted in the ranking's first 1,000 items. Accepted: a list of up to 16
   * different names of fields.
   */
  facets?: Array<string>;
  /**
   * Fields of the metadata that results have; all where it is left out. Accepted: a list of up to 100
   * different names of fields.
   */
  fields?: Array<string> | null;
  /**
   * A part of the garment by which the ranking's first 1,000 items are ranked anew, wherever it lies
   * in them. Accepted: [left, top, right, bottom] in fractions of the garment's box, at least 0.02
   * wide and high.
   */
  part?: [number, number, number, number] | null;
  /**
   * With `part`, how much it counts; the whole garment counts the rest, up to a score of 0.6.
   * Accepted: a number from 0 to 1.
   */
  weight?: number;
  /** The picture's file. Accepted: base64 with padding, without line breaks. */
  image_base64?: string | null;
  /** An item, whose picture is searched with. Accepted: a text that is not empty. */
  item_id?: string | null;
  /** The picture of a search shortly before. Accepted: a text that is not empty. */
  query_id?: string | null;
  /**
   * Where a picture lies; only where the operator has allowed it. Accepted: a public address over http
   * or https.
   */
  image_url?: string | null;
}

/** Several searches, each checked and answered on its own. */
export interface Batch {
  /** The searches. Accepted: a list of 1 to 16 searches in JSON. */
  searches: Array<Record<string, unknown>>;
}

/** An item in JSON: its photographs, uploaded or by their addresses. */
export interface ItemBody {
  /**
   * What to keep with the item; `category` is used for guesses, and NaN, infinity and an empty
   * category become null. Accepted: an object of up to 32,768 bytes in JSON, nested up to 16 deep.
   */
  metadata?: Record<string, unknown>;
  /**
   * The file of its photograph, or a list of several. Accepted: base64 with padding, without line
   * breaks, or a list of up to 20 of them.
   */
  image_base64?: string | Array<string> | null;
  /**
   * Where its photographs lie; only where the operator has allowed it. Accepted: a list of up to 20
   * public addresses over http or https.
   */
  image_urls?: Array<string> | null;
}

/** Metadata to be changed. */
export interface ItemPatch {
  /**
   * The fields to set; null removes one, and all others stay. Accepted: an object of up to 32,768
   * bytes in JSON, nested up to 16 deep.
   */
  metadata: Record<string, unknown>;
}

/** A line of changes: exactly one of them. */
export interface BulkLine {
  /** An item to add or to replace. Accepted: an object. */
  put?: PutLine;
  /** Metadata to set. Accepted: an object. */
  patch?: PatchLine;
  /** An item to delete. Accepted: an object. */
  delete?: DeleteLine;
}

/** Which version to switch to. */
export interface Activation {
  /** A version's name. Accepted: one of those that /v1/index/versions lists. */
  version: string;
}

/** A query to be searched with in two versions: a picture, or a golden query. */
export interface Comparison {
  /** One version. Accepted: the name of a version. */
  before: string;
  /** The other version. Accepted: the name of a version. */
  after: string;
  /** The picture's file. Accepted: base64 with padding, without line breaks. */
  image_base64?: string | null;
  /** Which golden query. Accepted: a whole number from 0. */
  golden?: number | null;
  /** Results of each version. Accepted: a whole number from 1 to 50. */
  limit?: number;
}

/** Which items count as if they scored more, or less, and by how much. */
export interface BoostBy {
  filter: Record<string, unknown>;
  add: number;
}

/** The field of the metadata that the head of a ranking is sorted by. */
export interface SortBy {
  field: string;
  order?: "asc" | "desc";
}

/** An item to add, or to replace the one with that id. */
export interface PutLine {
  /**
   * What to keep with the item; `category` is used for guesses, and NaN, infinity and an empty
   * category become null. Accepted: an object of up to 32,768 bytes in JSON, nested up to 16 deep.
   */
  metadata?: Record<string, unknown>;
  /**
   * The file of its photograph, or a list of several. Accepted: base64 with padding, without line
   * breaks, or a list of up to 20 of them.
   */
  image_base64?: string | Array<string> | null;
  /**
   * Where its photographs lie; only where the operator has allowed it. Accepted: a list of up to 20
   * public addresses over http or https.
   */
  image_urls?: Array<string> | null;
  /** Its id. Accepted: a text that is not empty. */
  item_id: string;
}

/** An item whose metadata changes. */
export interface PatchLine {
  /**
   * The fields to set; null removes one, and all others stay. Accepted: an object of up to 32,768
   * bytes in JSON, nested up to 16 deep.
   */
  metadata: Record<string, unknown>;
  /** Its id. Accepted: a text that is not empty. */
  item_id: string;
}

/** An item to delete. */
export interface DeleteLine {
  /** Its id. Accepted: a text that is not empty. */
  item_id: string;
}

/** The fields in the address of `search_explain`. */
export interface SearchExplainQuery {
  /**
   * Which photograph, as results number them. Accepted: a whole number from 0, below the number of the
   * item's photographs.
   */
  photo?: number;
  /** What the picture is; a sketch is dark strokes on light. Accepted: "photo", "sketch". */
  kind?: "photo" | "sketch";
  /**
   * The part of the picture to search with. Accepted: four fractions of the picture, left, top, right,
   * bottom, from 0 to 1 with left < right and top < bottom, at least 0.02 apart, such as [0.1, 0.2,
   * 0.9, 0.95].
   */
  box?: [number, number, number, number] | null;
  /**
   * Which garment of the photograph to search with, by its position among `query.garments` of an
   * answer without a box; a `box` overrules it. Accepted: a whole number from 0, below the number of
   * garments found.
   */
  garment?: number;
  /** The result. Accepted: a text that is not empty. */
  item_id: string;
  /** The search, if it was by a picture that was sent. Accepted: a text that is not empty. */
  query_id?: string;
  /** The item searched with, if it was by one. Accepted: a text that is not empty. */
  query_item?: string;
}

/** The fields in the address of `items_items`. */
export interface ItemsItemsQuery {
  /** Where to go on: `next_after` of the part before. Accepted: a text that is not empty. */
  after?: string;
  /** Items in an answer. Accepted: a whole number from 1 to 100. */
  limit?: number;
  /**
   * Only items whose metadata passes are listed. Accepted: an object of fields and the values, lists
   * of values, or bounds (gte, gt, lte, lt, eq, ne, in) they must have.
   */
  filter?: Record<string, unknown> | null;
}

/** The fields in the address of `items_image`. */
export interface ItemsImageQuery {
  /**
   * Which photograph, as results number them. Accepted: a whole number from 0, below the number of the
   * item's photographs.
   */
  photo?: number;
  /**
   * The width in pixels of a thumbnail, upright, in WebP or JPEG; none is wider than its picture.
   * Without it the file itself is sent. Accepted: 160, 320, 640, 1280.
   */
  width?: 160 | 320 | 640 | 1280;
  /**
   * What `image_url` carries; while it is that of the picture, the answer may be kept for ever.
   * Accepted: a text that is not empty.
   */
  v?: string;
}

/** The fields in the address of `items_similar`. */
export interface ItemsSimilarQuery {
  /** Results on a page. Accepted: a whole number from 1 to 100. */
  limit?: number;
  /** Results of the ranking to leave out before the page. Accepted: a whole number from 0 to 100,000. */
  offset?: number;
  /** Items that score less are not listed. Accepted: a number from -1 to 1. */
  min_score?: number;
  /**
   * Only items whose metadata passes are listed. Accepted: an object of fields and the values, lists
   * of values, or bounds (gte, gt, lte, lt, eq, ne, in) they must have.
   */
  filter?: Record<string, unknown> | null;
  /** List of equal pictures only the best. Accepted: true or false. */
  collapse_duplicates?: boolean;
  /** Give each result the address of why it was found. Accepted: true or false. */
  explain?: boolean;
  /**
   * Of the ranking's first 1,000 items, those whose metadata passes a `filter` count as if they scored
   * `add` more. Accepted: a list of up to 16 objects with a `filter` and `add`, a number from -2 to 2.
   */
  boost?: Array<BoostBy>;
  /**
   * Orders the ranking's first 1,000 items by a field of their metadata, those without one last.
   * Accepted: an object with `field` and `order`, "asc" or "desc".
   */
  sort?: SortBy | null;
  /**
   * Fields whose values are counted in the ranking's first 1,000 items. Accepted: a list of up to 16
   * different names of fields.
   */
  facets?: Array<string>;
  /**
   * Fields of the metadata that results have; all where it is left out. Accepted: a list of up to 100
   * different names of fields.
   */
  fields?: Array<string> | null;
}

/** The fields in the address of `status_image`. */
export interface StatusImageQuery {
  /** The version of `item_id`. Accepted: the name of a version. */
  version?: string;
  /** An item of `version`. Accepted: a text that is not empty. */
  item_id?: string;
  /** The build of `skipped`. Accepted: the name of a build that is listed. */
  build?: string;
  /** Which of the photographs that `build` has skipped. Accepted: a whole number from 0. */
  skipped?: number;
  /** Which golden query. Accepted: a whole number from 0. */
  golden?: number;
  /** Which query that found nothing close. Accepted: a whole number from 0. */
  loose?: number;
  /** Its width in pixels. Accepted: 160, 320, 640, 1280. */
  width?: 160 | 320 | 640 | 1280;
}
