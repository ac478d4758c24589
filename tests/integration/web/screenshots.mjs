// Makes the pictures of the docs from a running server with the demo company:
//   node screenshots.mjs [ADDRESS [FOLDER]]      default http://127.0.0.1:7480 and docs/images
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Browser } from './browser.mjs';

const [base = 'http://127.0.0.1:7480', folder] = process.argv.slice(2);
const out = path.resolve(folder ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../docs/images'));

async function get(resource) {
  const response = await fetch(`${base}/v1/${resource}`);
  if (!response.ok) throw new Error(`${resource}: HTTP ${response.status}`);
  return response.json();
}

// The published map with the most touchpoints, and the customer whose line says most.
async function subjects(workspace) {
  const { journeyMaps = [] } = await get(`workspaces/${workspace}/journeyMaps`);
  const published = journeyMaps.filter((map) => map.publishedVersion);
  published.sort((a, b) => (b.touchpoints?.length ?? 0) - (a.touchpoints?.length ?? 0));
  const { customers = [] } = await get(`workspaces/${workspace}/customers?pageSize=200`);
  const busy = customers.filter((customer) => Number(customer.eventCount) <= 40);
  busy.sort((a, b) => Number(b.eventCount) - Number(a.eventCount));
  if (!published[0] || !busy[0]) throw new Error(`${workspace} has no published map or no customers`);
  return { map: published[0].name.split('/').at(-1), customer: busy[0].name.split('/').at(-1) };
}

async function settle(page) {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-busy]') && document.fonts.status === 'loaded');
  await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => undefined);
}

async function picture(browser, name, address, { scheme = 'light', height = 900, then } = {}) {
  const page = await browser.open(address, { viewport: { width: 1440, height } });
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
  await settle(page);
  await then?.(page);
  await page.screenshot({ path: path.join(out, `${name}.png`) });
  await page.close();
  console.log(path.join(out, `${name}.png`));
}

const workspace = process.env.WORKSPACE ?? 'demo';
const { map, customer } = await subjects(workspace);
await mkdir(out, { recursive: true });
const browser = await Browser.start(base);
try {
  const board = `/w/${workspace}/maps/${map}`;
  await picture(browser, 'maps', `/w/${workspace}/maps`);
  // High enough for the flow below the curve.
  await picture(browser, 'board', board, { height: 1000 });
  await picture(browser, 'board-dark', board, {
    scheme: 'dark',
    then: (page) => page.getByTestId('board').evaluate((element) => element.scrollTo(700, 240)),
  });
  await picture(browser, 'metric', board, {
    then: async (page) => {
      await page.locator('[data-metric]').first().click();
      await page.getByRole('dialog').getByTestId('provenance').waitFor();
      await page.locator('.recharts-line-curve').first().waitFor();
    },
  });
  await picture(browser, 'customer', `/w/${workspace}/customers/${encodeURIComponent(customer)}`, {
    then: (page) => page.getByTestId('line').waitFor(),
  });
  if (browser.complaints.length > 0) throw new Error(browser.complaints.join('\n'));
} finally {
  await browser.stop();
}
