// The one way to the server: GET with conditional requests, errors as ApiError, and what is known of the connection.

export interface FieldViolation {
  field: string;
  description: string;
}

// A google.rpc.Status as the gateway sends it, or what stands in for one when no server answered.
export class ApiError extends Error {
  constructor(
    message: string,
    readonly httpStatus: number,
    readonly reason: string,
    readonly fieldViolations: FieldViolation[] = [],
  ) {
    super(message);
    this.name = 'ApiError';
  }

  // Whether the same request may succeed later without anybody changing anything.
  get isTransient(): boolean {
    return this.httpStatus === 0 || this.httpStatus === 429 || this.httpStatus >= 500;
  }
}

interface StatusDetail {
  '@type'?: string;
  reason?: string;
  fieldViolations?: FieldViolation[];
}

export function parseStatus(httpStatus: number, body: unknown): ApiError {
  const status = (typeof body === 'object' && body !== null ? body : {}) as { message?: string; details?: StatusDetail[] };
  const details = Array.isArray(status.details) ? status.details : [];
  const info = details.find((detail) => detail['@type']?.endsWith('/google.rpc.ErrorInfo'));
  const badRequest = details.find((detail) => detail['@type']?.endsWith('/google.rpc.BadRequest'));
  return new ApiError(
    status.message || `The server answered with HTTP status ${httpStatus}.`,
    httpStatus,
    info?.reason ?? `HTTP_${httpStatus}`,
    badRequest?.fieldViolations ?? [],
  );
}

// What the page knows of the server, as an external store for useSyncExternalStore.
export interface Connection {
  lastSuccess: number | null;
  offlineSince: number | null;
}

let connection: Connection = { lastSuccess: null, offlineSince: null };
const listeners = new Set<() => void>();

function publish(next: Connection) {
  connection = next;
  listeners.forEach((listener) => listener());
}

function reached() {
  const now = Date.now();
  // Listeners are told at most once a second: the indicator shows no more than that.
  if (connection.offlineSince !== null || connection.lastSuccess === null || now - connection.lastSuccess > 1000) {
    publish({ lastSuccess: now, offlineSince: null });
  }
}

function missed() {
  if (connection.offlineSince === null) publish({ ...connection, offlineSince: Date.now() });
}

export const connectionStore = {
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
  snapshot: () => connection,
};

// Last answers by address. The oldest goes when there are too many; a page needs some dozens.
const kCachedAnswersMax = 400;
const answers = new Map<string, { etag: string; body: unknown }>();

function remember(url: string, etag: string, body: unknown) {
  answers.delete(url);
  answers.set(url, { etag, body });
  if (answers.size > kCachedAnswersMax) {
    const oldest = answers.keys().next().value;
    if (oldest !== undefined) answers.delete(oldest);
  }
}

export type QueryParameters = Record<string, string | number | undefined>;

export function urlOf(resource: string, parameters: QueryParameters = {}): string {
  // A resource name may hold percent signs of its own (customer ids), so every segment is encoded once more.
  const path = resource.split('/').map(encodeURIComponent).join('/');
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(key, String(value));
  }
  const text = query.toString();
  return `/v1/${path}${text ? `?${text}` : ''}`;
}

// Returns the same object as last time when the server says that nothing changed, so nothing is drawn again.
export async function get<T>(resource: string, parameters?: QueryParameters, signal?: AbortSignal): Promise<T> {
  const url = urlOf(resource, parameters);
  const known = answers.get(url);
  let response: Response;
  try {
    response = await fetch(url, {
      signal,
      // The browser's own cache would hide the 304 from us.
      cache: 'no-store',
      headers: known ? { Accept: 'application/json', 'If-None-Match': known.etag } : { Accept: 'application/json' },
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    missed();
    throw new ApiError('The server cannot be reached.', 0, 'UNREACHABLE');
  }
  if (response.status === 304 && known) {
    reached();
    return known.body as T;
  }
  let body: unknown = null;
  try {
    body = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (response.ok) {
      missed();
      throw new ApiError('The server sent an answer that is not JSON.', response.status, 'MALFORMED_ANSWER');
    }
  }
  if (!response.ok) {
    if (response.status === 502 || response.status === 503 || response.status === 504) missed();
    else reached();
    throw parseStatus(response.status, body);
  }
  reached();
  const etag = response.headers.get('ETag');
  if (etag) remember(url, etag, body);
  return body as T;
}

// More pages than this are not read: 20 000 resources are no list for a screen.
const kPagesMax = 20;

// Reads every page of a list.
export async function listAll<T>(
  resource: string,
  key: string,
  parameters: QueryParameters = {},
  signal?: AbortSignal,
): Promise<T[]> {
  const all: T[] = [];
  let pageToken: string | undefined;
  for (let page = 0; page < kPagesMax; ++page) {
    const answer = await get<Record<string, unknown>>(resource, { pageSize: 1000, ...parameters, pageToken }, signal);
    all.push(...((answer[key] as T[] | undefined) ?? []));
    pageToken = (answer.nextPageToken as string | undefined) || undefined;
    if (!pageToken) return all;
  }
  return all;
}
