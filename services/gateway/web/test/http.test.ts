import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, connectionStore, get, listAll, parseStatus, urlOf } from '../src/api/http';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(status === 304 ? null : JSON.stringify(body), { status, headers });

afterEach(() => vi.unstubAllGlobals());

describe('urlOf', () => {
  it('encodes each segment, also the percent signs of a customer’s name', () => {
    expect(urlOf('workspaces/demo/customers/a%20b')).toBe('/v1/workspaces/demo/customers/a%2520b');
    expect(urlOf('workspaces/demo/customers', { pageSize: 50, filter: '', pageToken: undefined })).toBe(
      '/v1/workspaces/demo/customers?pageSize=50',
    );
  });
});

describe('parseStatus', () => {
  it('keeps message, reason and field violations', () => {
    const error = parseStatus(400, {
      code: 3,
      message: 'The filter is wrong.',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'INVALID_FILTER' },
        { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field: 'filter', description: 'at 3' }] },
      ],
    });
    expect(error).toMatchObject({ message: 'The filter is wrong.', reason: 'INVALID_FILTER', isTransient: false });
    expect(error.fieldViolations[0]?.field).toBe('filter');
  });

  it('stays readable when the body is none of ours', () => {
    expect(parseStatus(502, null)).toMatchObject({ reason: 'HTTP_502', isTransient: true });
  });
});

describe('get', () => {
  it('sends the etag back, and returns the same object for a 304', async () => {
    const fetch = vi
      .fn()
      .mockResolvedValueOnce(answer(200, { name: 'w' }, { ETag: '"1"' }))
      .mockResolvedValueOnce(answer(304, null));
    vi.stubGlobal('fetch', fetch);
    const first = await get('workspaces/etag');
    const second = await get('workspaces/etag');
    expect(second).toBe(first);
    expect(fetch.mock.calls[1]?.[1].headers['If-None-Match']).toBe('"1"');
  });

  it('tells offline from an error that the server gave', async () => {
    vi.stubGlobal('fetch', vi.fn().mockRejectedValue(new TypeError('failed')));
    await expect(get('workspaces/x')).rejects.toMatchObject({ httpStatus: 0, reason: 'UNREACHABLE' });
    expect(connectionStore.snapshot().offlineSince).not.toBeNull();
    vi.stubGlobal('fetch', vi.fn().mockResolvedValue(answer(404, { message: 'There is none.' })));
    await expect(get('workspaces/x')).rejects.toBeInstanceOf(ApiError);
    expect(connectionStore.snapshot().offlineSince).toBeNull();
  });
});

describe('listAll', () => {
  it('follows page tokens to the end', async () => {
    const fetch = vi
      .fn()
      .mockResolvedValueOnce(answer(200, { maps: [1, 2], nextPageToken: 't' }))
      .mockResolvedValueOnce(answer(200, { maps: [3] }));
    vi.stubGlobal('fetch', fetch);
    expect(await listAll('workspaces/list/maps', 'maps')).toEqual([1, 2, 3]);
    expect(String(fetch.mock.calls[1]?.[0])).toContain('pageToken=t');
  });
});
