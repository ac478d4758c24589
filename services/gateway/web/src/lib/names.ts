// Resource names and page addresses.

export const lastSegment = (name: string | undefined): string => name?.split('/').at(-1) ?? '';

export const workspaceName = (id: string): string => `workspaces/${id}`;
export const mapName = (workspaceId: string, id: string): string => `workspaces/${workspaceId}/journeyMaps/${id}`;
export const customerName = (workspaceId: string, id: string): string => `workspaces/${workspaceId}/customers/${id}`;

const segmentOf = (name: string, collection: string): string => {
  const segments = name.split('/');
  return segments[segments.indexOf(collection) + 1] ?? '';
};

export const mapsPath = (workspaceId: string): string => `/w/${encodeURIComponent(workspaceId)}/maps`;
export const customersPath = (workspaceId: string): string => `/w/${encodeURIComponent(workspaceId)}/customers`;

// The address of a map's board; with a touchpoint, its drawer is open.
export function mapPath(name: string, touchpoint?: string): string {
  const path = `${mapsPath(segmentOf(name, 'workspaces'))}/${encodeURIComponent(segmentOf(name, 'journeyMaps'))}`;
  return touchpoint ? `${path}?touchpoint=${encodeURIComponent(touchpoint)}` : path;
}

export const customerPath = (name: string): string =>
  `${customersPath(segmentOf(name, 'workspaces'))}/${encodeURIComponent(lastSegment(name))}`;

// `FIRST_CONTACT` or `first_contact` as people write it: `First contact`.
export function humanize(identifier: string): string {
  const words = identifier.replace(/[_-]+/g, ' ').trim().toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// A value inside a filter's quotes (AIP-160).
export const quoted = (text: string): string => `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
