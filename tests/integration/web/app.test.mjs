import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { Browser } from './browser.mjs';
import { kMap, kTouchpoints, kWorkspace, seed } from './seed.mjs';
import { Server, until } from './server.mjs';

const kBoard = `/w/${kWorkspace}/maps/order-to-review`;
const kPhone = { width: 390, height: 844 };
const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let server;
let browser;

const chip = (page, attachment) => page.locator(`[data-metric="${kMap}/metricAttachments/${attachment}"]`).first();

const visit = (id, minutesAgo = 1) => ({
  id,
  source: 'test',
  customerId: 'customer-000',
  eventTime: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
  eventName: 'order_placed',
  department: 'sales',
  channel: 'web',
});

before(async () => {
  server = await Server.start();
  await seed(server);
  browser = await Browser.start(server.base);
});

after(async () => {
  await browser?.stop();
  await server?.remove();
});

const withPage = (address, test, options) => browser.withPage(address, test, options);

describe('the way through the app', () => {
  it('leads from the workspaces to the map, a number, and a customer', () =>
    withPage('/', async (page) => {
      await page.getByRole('link', { name: /Acme/ }).click();
      await page.getByRole('heading', { level: 1, name: 'Journey maps' }).waitFor();
      await page.getByText('5 touchpoints').waitFor();
      await page.getByRole('searchbox', { name: 'Search maps' }).fill('review');
      assert.equal(await page.getByRole('link', { name: 'A draft' }).count(), 0);
      await page.getByRole('link', { name: 'Order to review' }).click();

      await page.getByRole('heading', { level: 1, name: 'Order to review' }).waitFor();
      for (const phase of ['Discover', 'Buy', 'Receive', 'Wait', 'Judge']) {
        await page.getByRole('heading', { level: 2, name: phase, exact: true }).waitFor();
      }
      for (const { displayName } of kTouchpoints) {
        await page.getByRole('button', { name: displayName, exact: true }).waitFor();
      }
      await page.getByText('No touchpoints in this phase yet').waitFor();

      await chip(page, 'review-csat').click();
      const drawer = page.getByRole('dialog');
      await drawer.getByTestId('provenance').waitFor();
      const text = await drawer.innerText();
      const value = await server.get(`${kMap}/metricAttachments/review-csat/value`);
      assert.equal(value.state, 'OK');
      assert.equal(value.n, '42');
      assert.ok(text.includes(`${(value.value * 100).toFixed(2)}%`), text);
      assert.ok(text.includes(value.method), text);
      assert.ok(text.includes('95% interval'), text);
      assert.ok(text.includes('csat, version 1'), text);
      await page.keyboard.press('Escape');
      await drawer.waitFor({ state: 'hidden' });

      await page.getByRole('button', { name: 'Places the order', exact: true }).click();
      await page.getByRole('dialog').getByTestId('standing').waitFor();
      const touchpoint = await page.getByRole('dialog').innerText();
      for (const expected of ['The customer pays in the shop.', 'Pays in one step', 'Where they go next', 'order_placed']) {
        assert.ok(touchpoint.includes(expected), `${expected} in ${touchpoint}`);
      }
      await page.keyboard.press('Escape');

      await page.getByRole('link', { name: 'Customers', exact: true }).click();
      await page.getByLabel('Lifecycle stage').first().waitFor();
      await page.getByRole('searchbox').fill('customer-010');
      await page.getByRole('link', { name: 'customer-010' }).click();
      await page.getByTestId('line').waitFor();
      const line = await page.getByTestId('line').innerText();
      for (const expected of ['€49.90', 'Hand-off accepted', 'Score', 'Case case-10', 'Enters Purchase', 'Awareness']) {
        assert.ok(line.includes(expected), `${expected} in ${line}`);
      }
      const run = await page.getByTestId('run').innerText();
      assert.match(run, /Order to review\s+Completed/);
      await page.getByTestId('line').getByRole('link', { name: 'Places the order' }).click();
      await page.getByRole('dialog').getByTestId('standing').waitFor();
    }));

  it('opens any address directly, and says so when there is nothing', () =>
    withPage(
      '/w/acme/maps/no-such-map',
      async (page) => {
        await page.getByRole('alert').getByText('Not found').waitFor();
        await page.goto(`${server.base}/nowhere/at/all`);
        await page.getByText('There is no page here').waitFor();
      },
      { expectFailures: true },
    ));

  it('tells what to do next in an empty workspace', () =>
    withPage('/w/blank/maps', async (page) => {
      await page.getByTestId('empty-state').getByText('map discover --create my-journey').waitFor();
      await page.goto(`${server.base}/w/blank/customers`);
      await page.getByTestId('empty-state').getByText('No customers yet').waitFor();
    }));
});

describe('numbers', () => {
  it('are honest about what there is', () =>
    withPage(kBoard, async (page) => {
      assert.equal(await chip(page, 'review-csat').getAttribute('data-state'), 'OK');
      const effort = chip(page, 'help-effort');
      assert.equal(await effort.getAttribute('data-state'), 'UNDEFINED');
      assert.match(await effort.innerText(), /–/);
      const { undefinedReason } = await server.get(`${kMap}/metricAttachments/help-effort/value`);
      assert.ok(undefinedReason);
      assert.ok((await effort.innerText()).includes(undefinedReason));
      await server.record(kWorkspace, [
        { ...visit('effort-answer'), eventName: 'case_opened', surveyResponse: { score: 6, survey: 'effort' } },
      ]);
      await until('the answer to be marked as too few', async () =>
        (await effort.getAttribute('data-state')) === 'INSUFFICIENT_DATA');
      assert.match(await effort.innerText(), /n 1 < 30/);
      await page.getByText('No touchpoints in this phase yet').waitFor();
    }));

  it('of a draft are not made up', () =>
    withPage(`/w/${kWorkspace}/maps/draft`, async (page) => {
      await page.getByText('Not published yet, so nothing is measured.').waitFor();
      await page.getByText('Not bound to events').waitFor();
      assert.equal(await page.getByTestId('runs').count(), 0);
    }));
});

describe('live refresh', () => {
  it('shows a new event on the board without a reload and without a jump', () =>
    withPage(kBoard, async (page) => {
      const visits = chip(page, 'order-visits');
      await visits.waitFor();
      await page.getByTestId('runs').waitFor();
      await page.evaluate(() => {
        window.thisPage = 'the same';
        window.shift = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({ type: 'layout-shift', buffered: false });
      });
      const count = async () => Number(/Visits: ([\d,]+)/.exec(await visits.textContent())?.[1]?.replace(',', ''));
      const before = await count();
      assert.ok(before >= 54);
      await server.record(kWorkspace, [visit('live-1', 3), visit('live-2', 2)]);
      await until('both visits to be counted', async () => (await count()) === before + 2);
      assert.equal(await page.evaluate(() => window.thisPage), 'the same');
      const shift = await page.evaluate(() => window.shift);
      assert.ok(shift < 0.05, `layout shift ${shift}`);
      assert.equal(await page.getByTestId('live').innerText(), 'Live');
    }));

  it('costs a 304 while nothing changes', () =>
    withPage(kBoard, async (page) => {
      const seen = new Map();
      page.on('response', (response) => {
        if (response.url().includes('/v1/')) seen.set(response.url(), response.status());
      });
      await until('the map and its numbers to be unchanged', () =>
        ['/journeyMaps/order-to-review', '/metricValues', '/positions'].every((part) =>
          [...seen].some(([url, status]) => url.split('?')[0].endsWith(part) && status === 304)));
    }));

  it('shows a new event on the customer’s line', () =>
    withPage(`/w/${kWorkspace}/customers/customer-000`, async (page) => {
      await page.getByTestId('line').waitFor();
      await server.record(kWorkspace, [{ ...visit('line-1'), eventName: 'friend_referred', department: 'marketing' }]);
      await page.getByTestId('line').getByText('Friend referred').waitFor();
      await page.getByTestId('line').getByText('Enters Advocacy').waitFor();
    }));

  it('pauses while the tab is hidden', () =>
    withPage(kBoard, async (page) => {
      await chip(page, 'order-visits').waitFor();
      await page.clock.install();
      const setVisibility = (state) =>
        page.evaluate((value) => {
          Object.defineProperty(document, 'visibilityState', { value, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }, state);
      await page.reload();
      await until('the page to be drawn', async () => {
        await page.clock.runFor(500);
        return chip(page, 'order-visits').isVisible();
      });
      await setVisibility('hidden');
      await page.clock.runFor(4_000);
      let requests = 0;
      page.on('request', () => ++requests);
      await page.clock.runFor(20_000);
      assert.equal(requests, 0);
      await setVisibility('visible');
      await until('the page to ask again', async () => {
        await page.clock.runFor(500);
        return requests > 0;
      });
    }));
});

describe('the look', () => {
  it('turns dark when asked to, and stays so', () =>
    withPage(kBoard, async (page) => {
      const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await background();
      await page.getByRole('button', { name: 'Colour scheme' }).click();
      await page.getByRole('menuitem', { name: 'Dark' }).click();
      await page.waitForFunction(() => document.documentElement.dataset.mantineColorScheme === 'dark');
      assert.notEqual(await background(), light);
      await page.reload();
      assert.equal(await page.evaluate(() => document.documentElement.dataset.mantineColorScheme), 'dark');
      await page.getByRole('button', { name: 'Colour scheme' }).click();
      await page.getByRole('menuitem', { name: 'System' }).click();
      await page.waitForFunction(() => document.documentElement.dataset.mantineColorScheme === 'light');
    }));

  it('never scrolls sideways as a page, from phone to desktop', async () => {
    for (const viewport of [{ width: 390, height: 844 }, { width: 1024, height: 768 }, { width: 1440, height: 900 }]) {
      for (const address of ['/', `/w/${kWorkspace}/maps`, kBoard, `/w/${kWorkspace}/customers`, `/w/${kWorkspace}/customers/customer-010`]) {
        await withPage(
          address,
          async (page) => {
            await page.getByRole('heading', { level: 1 }).waitFor();
            const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            assert.ok(overflow <= 0, `${address} at ${viewport.width} is ${overflow} too wide`);
          },
          { viewport },
        );
      }
    }
  });
});

describe('the keyboard', () => {
  it('reaches the board by the skip link, moves with arrows, opens and closes the drawer', () =>
    withPage(kBoard, async (page) => {
      await chip(page, 'order-visits').waitFor();
      const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
      await page.keyboard.press('Tab');
      assert.equal(await focused(), 'Skip to content');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
      for (let press = 0; press < 12 && (await focused()) !== 'Sees the advert'; ++press) await page.keyboard.press('Tab');
      assert.equal(await focused(), 'Sees the advert');
      await page.keyboard.press('ArrowRight');
      assert.equal(await focused(), 'Places the order');
      await page.keyboard.press('ArrowDown');
      assert.equal(await page.evaluate(() => document.activeElement?.dataset.metric), `${kMap}/metricAttachments/order-conversion`);
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').getByTestId('metric-headline').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
      await until('the focus to be back on the number', () =>
        page.evaluate((name) => document.activeElement?.dataset.metric === name, `${kMap}/metricAttachments/order-conversion`));
      await page.keyboard.press('End');
      assert.equal(await focused(), 'Writes a review');
      await page.keyboard.press('Home');
      assert.equal(await focused(), 'Sees the advert');
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement, '::after').outlineStyle);
      assert.equal(outline, 'solid');
    }));
});

describe('accessibility', () => {
  const kPages = [
    ['the workspaces', '/'],
    ['the maps', `/w/${kWorkspace}/maps`],
    ['the board', kBoard],
    ['a touchpoint', `${kBoard}?touchpoint=order`],
    ['a number', `${kBoard}?metric=review-csat`],
    ['the customers', `/w/${kWorkspace}/customers`],
    ['a customer', `/w/${kWorkspace}/customers/customer-010`],
    ['an empty workspace', '/w/blank/maps'],
    ['a draft', `/w/${kWorkspace}/maps/draft`],
    ['a link to nowhere', '/nowhere'],
    ['the board on a phone', kBoard, { viewport: kPhone }],
    ['the customers on a phone', `/w/${kWorkspace}/customers`, { viewport: kPhone }],
    ['a number on a phone', `${kBoard}?metric=review-csat`, { viewport: kPhone }],
  ];
  for (const scheme of ['light', 'dark']) {
    for (const [what, address, options] of kPages) {
      it(`finds no serious fault in ${what}, ${scheme}`, () =>
        withPage(address, async (page) => {
          await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
          await page.getByRole('heading', { level: 1, includeHidden: true }).waitFor();
          if (address.includes('?')) await page.getByRole('dialog').waitFor();
          await page.waitForFunction(() => !document.querySelector('[aria-busy]'));
          await until('everything to be faded in', () =>
            page.evaluate(() => document.getAnimations().every((animation) => animation.playState !== 'running')));
          await page.evaluate(axeSource);
          const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
          const serious = violations
            .filter(({ impact }) => impact === 'serious' || impact === 'critical')
            .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
          assert.deepEqual(serious, []);
        }, options));
    }
  }
});

describe('a server that goes away', () => {
  it('leaves the last numbers on the screen, says since when, and recovers by itself', () =>
    withPage(
      kBoard,
      async (page) => {
        await chip(page, 'order-visits').waitFor();
        await server.stop();
        await page.getByTestId('live').getByText(/Offline since \d\d:\d\d/).waitFor();
        assert.ok(await chip(page, 'order-visits').isVisible());
        await server.run();
        await page.getByTestId('live').getByText('Live', { exact: true }).waitFor();
        assert.ok(await chip(page, 'order-visits').isVisible());
      },
      { expectFailures: true },
    ));
});
