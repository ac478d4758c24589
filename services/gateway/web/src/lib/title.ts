// The title of a page, as the browser's tab and history show it. Pure.
import { ApiError } from '../api/http';

export function pageTitle(name: string, error?: unknown): string {
  return `${error instanceof ApiError && error.httpStatus === 404 ? 'Not found' : name} · Throughline`;
}
