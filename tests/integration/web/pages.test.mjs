// What pages owe to whoever uses them: addresses and Back, titles, small screens, long names, a slow or absent server.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Browser } from './browser.mjs';
import { kMap, kWorkspace, seed } from './seed.mjs';
import { Server, until } from './server.mjs';
import { kWideMap, kWideTouchpoints, seedWide } from './wide.mjs';

const kBoard = `/w/${kWorkspace}/maps/order-to-review`;
const kCustomers = `/w/${kWorkspace}/customers`;
const kPhone = { width: 390, height: 844 };

let server;
let browser;

before(async () => {
  server = await Server.start();
  await seed(server);
  await seedWide(server);
  browser = await Browser.start(server.base);
});

after(async () => {
  await browser?.stop();
  await server?.remove();
});

const withPage = (address, test, options) => browser.withPage(address, test, options);
const addressOf = (page) => page.url().slice(server.base.length);
const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const number = (page, attachment) => page.locator(`[data-metric="${kMap}/metricAttachments/${attachment}"]`).first();

// Elements of the selector that cross another one, as pairs of their texts.
const crossings = (page, selector) =>
  page.evaluate((wanted) => {
    const boxes = [...document.querySelectorAll(wanted)]
      .filter((element) => element.textContent.trim() && element.checkVisibility())
      .map((element) => ({ text: element.textContent.trim(), box: element.getBoundingClientRect() }));
    const overlap = (a, b) =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    return boxes.flatMap((one, index) =>
      boxes.slice(index + 1).filter((other) => overlap(one.box, other.box)).map((other) => `${one.text} × ${other.text}`));
  }, selector);

describe('Back', () => {
  it('leads from a number to its touchpoint, and after closing leaves the board', () =>
    withPage(`/w/${kWorkspace}/maps`, async (page) => {
      await page.getByRole('link', { name: 'Order to review' }).click();
      await heading(page, 'Order to review');
      await page.getByRole('button', { name: 'Places the order', exact: true }).click();
      const drawer = page.getByRole('dialog');
      await drawer.getByTestId('standing').waitFor();
      await drawer.locator(`[data-metric="${kMap}/metricAttachments/order-visits"]`).click();
      await drawer.getByTestId('metric-headline').waitFor();
      await page.goBack();
      await drawer.getByTestId('standing').waitFor();
      await page.goForward();
      await drawer.getByTestId('metric-headline').waitFor();
      await page.keyboard.press('Escape');
      await drawer.waitFor({ state: 'hidden' });
      assert.equal(addressOf(page), kBoard);
      await page.goBack();
      await heading(page, 'Journey maps');
    }));

  it('stays on the board when a deep link is closed', () =>
    withPage(`${kBoard}?touchpoint=order`, async (page) => {
      await page.getByRole('dialog').getByTestId('standing').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
      assert.equal(addressOf(page), kBoard);
      await heading(page, 'Order to review');
    }));

  it('returns to the same list at the same place', () =>
    withPage(kCustomers, async (page) => {
      await page.getByRole('link', { name: 'customer-040' }).waitFor();
      await page.getByRole('searchbox').fill('customer-0');
      await page.waitForURL(/[?&]id=customer-0/);
      await page.getByRole('combobox', { name: 'Lifecycle stage' }).click();
      await page.getByRole('option', { name: 'Purchase' }).click();
      await page.waitForURL(/stage=purchase/);
      await page.getByRole('link', { name: 'customer-040' }).scrollIntoViewIfNeeded();
      const before = await page.evaluate(() => window.scrollY);
      assert.ok(before > 200, `scrolled to ${before}`);
      await page.getByRole('link', { name: 'customer-040' }).click();
      await page.getByTestId('line').waitFor();
      assert.equal(await page.evaluate(() => window.scrollY), 0);
      await page.goBack();
      await heading(page, 'Customers');
      assert.equal(await page.getByRole('searchbox').inputValue(), 'customer-0');
      assert.equal(await page.getByRole('combobox', { name: 'Lifecycle stage' }).inputValue(), 'Purchase');
      await until('the list to be where it was', () => page.evaluate((y) => Math.abs(window.scrollY - y) < 2, before));
    }));
});

describe('an address', () => {
  for (const [address, title] of [
    ['/', 'Workspaces'],
    [`/w/${kWorkspace}/maps`, 'Journey maps'],
    [kBoard, 'Order to review'],
    [`${kBoard}?touchpoint=order`, 'Places the order · Order to review'],
    [`${kBoard}?metric=review-csat`, 'Satisfaction · Order to review'],
    [kCustomers, 'Customers'],
    [`${kCustomers}/customer-010`, 'customer-010'],
    ['/nowhere', 'Not found'],
  ]) {
    it(`has its own title: ${title}`, () =>
      withPage(address, (page) => until(`${title} as the title`, async () => (await page.title()) === `${title} · Throughline`)));
  }

  it('of something that does not exist says so, and leads on', async () => {
    for (const [address, link] of [
      [`/w/${kWorkspace}/maps/no-such-map`, 'All maps'],
      [`${kCustomers}/nobody`, 'All customers'],
      ['/w/no-such-workspace/maps', 'All workspaces'],
    ]) {
      await withPage(
        address,
        async (page) => {
          await page.getByRole('alert').getByRole('link', { name: link }).waitFor();
          if (!address.endsWith('/maps')) assert.equal(await page.title(), 'Not found · Throughline');
        },
        { expectFailures: true },
      );
    }
    await withPage(`${kBoard}?touchpoint=long-gone`, async (page) => {
      await page.getByRole('dialog', { name: 'Not on this map' }).getByText('The map has no touchpoint long-gone').waitFor();
    });
  });
});

describe('a phone', () => {
  it('shows every column of the customers, uncut', () =>
    withPage(
      kCustomers,
      async (page) => {
        const row = page.getByRole('row').filter({ hasText: 'customer-010' });
        await row.waitFor();
        assert.match(await row.innerText(), /customer-010\s+Purchase\s+\d+\s+\d+ \w+ ago/);
        for (const cell of await row.getByRole('cell').all()) {
          if (!(await cell.isVisible())) continue;
          const box = await cell.boundingBox();
          assert.ok(box.x >= 0 && box.x + box.width <= kPhone.width, JSON.stringify(box));
        }
        const link = await row.getByRole('link').boundingBox();
        assert.ok(link.height < 30, `the id stands on one line: ${link.height}`);
      },
      { viewport: kPhone },
    ));

  it('shows what the board shows, the numbers of transitions too', () =>
    withPage(
      kBoard,
      async (page) => {
        for (const attachment of ['order-visits', 'order-conversion', 'review-csat', 'buy-visits', 'order-delivery-wait']) {
          await number(page, attachment).scrollIntoViewIfNeeded();
          assert.ok(await number(page, attachment).isVisible(), attachment);
        }
        await number(page, 'order-delivery-wait').click();
        await page.getByRole('dialog').getByTestId('provenance').waitFor();
        const overflow = await page.getByRole('dialog').evaluate((element) => element.scrollWidth - element.clientWidth);
        assert.ok(overflow <= 0, `the drawer is ${overflow} too wide`);
        const scrolled = await page.evaluate(() => window.scrollY);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'hidden' });
        assert.ok(Math.abs((await page.evaluate(() => window.scrollY)) - scrolled) < 2, 'the page stays where it was');
      },
      { viewport: kPhone },
    ));
});

describe('a board of many touchpoints with long names', () => {
  it('keeps texts apart, and inside their cards', () =>
    withPage(kWideMap, async (page) => {
      await page.getByText('3 runs', { exact: true }).first().waitFor();
      await until('the flow to be measured', async () => (await page.getByTestId('flow').locator('text').allTextContents()).includes('100%'));
      assert.deepEqual(await crossings(page, '[data-testid="flow"] text'), []);
      assert.deepEqual(await crossings(page, 'article [class*="channel"], article [class*="departmentLabel"], article button'), []);
      const cut = await page.locator('article [class*="channel"]').evaluateAll((elements) =>
        elements.filter((element) => element.scrollWidth > element.clientWidth).map((element) => element.textContent));
      assert.deepEqual(cut, []);
      const word = page.getByText('Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen');
      const fits = await word.evaluate((element) => element.scrollWidth <= element.clientWidth && element.clientWidth < 232);
      assert.ok(fits, 'a long word breaks');
    }));

  it('draws no curve where no emotion is stated', () =>
    withPage(kWideMap, async (page) => {
      await page.getByText('No touchpoint of this map states an emotion yet').waitFor();
      assert.equal(await page.getByTestId('emotion').count(), 0);
      assert.equal(await page.getByLabel('Persona of the emotion curve').count(), 0);
    }));

  it('is walked through with arrow keys, and what has the focus is in sight', () =>
    withPage(kWideMap, async (page) => {
      const first = page.getByRole('button', { name: 'Step 0', exact: true });
      await first.focus();
      for (let step = 1; step < kWideTouchpoints; ++step) await page.keyboard.press('ArrowRight');
      const last = await page.evaluate(() => {
        const { left, right } = document.activeElement.closest('article').getBoundingClientRect();
        return { text: document.activeElement.textContent, left, right, width: window.innerWidth };
      });
      assert.match(last.text, new RegExp(`${kWideTouchpoints - 1}$`));
      assert.ok(last.left >= 132 && last.right <= last.width, JSON.stringify(last));
      await page.keyboard.press('Home');
      assert.ok((await first.boundingBox()).x >= 132);
    }));
});

describe('motion', () => {
  it('is left out when the reader asks for less', () =>
    withPage(kBoard, async (page) => {
      await number(page, 'order-visits').waitFor();
      const duration = () =>
        page.locator('article').first().evaluate((element) => parseFloat(getComputedStyle(element).transitionDuration));
      assert.ok((await duration()) > 0.05);
      await page.emulateMedia({ reducedMotion: 'reduce' });
      assert.ok((await duration()) < 0.001);
    }));
});

describe('a server', () => {
  it('that is slow is waited for in sight, and the page comes when it answers', () =>
    withPage('/nowhere', async (page) => {
      let release;
      const answered = new Promise((resolve) => {
        release = resolve;
      });
      await page.route('**/v1/**', async (route) => {
        await answered;
        await route.continue();
      });
      await page.goto(`${server.base}${kBoard}`);
      await page.locator('[aria-busy]').waitFor();
      assert.equal(await page.getByTestId('live').innerText(), 'Connecting');
      release();
      await number(page, 'order-visits').waitFor();
      assert.equal(await page.locator('[aria-busy]').count(), 0);
    }));

  for (const viewport of [{ width: 1440, height: 900 }, kPhone]) {
    it(`whose answers come one after the other draws a board that stands still, ${viewport.width} wide`, () =>
      withPage(
        '/nowhere',
        async (page) => {
          let delay = 0;
          await page.route('**/v1/**', async (route) => {
            delay += 60;
            await new Promise((resolve) => setTimeout(resolve, delay));
            await route.continue();
          });
          await page.addInitScript(() => {
            window.shift = 0;
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries()) window.shift += entry.value;
            }).observe({ type: 'layout-shift', buffered: true });
          });
          await page.goto(`${server.base}${kBoard}`);
          await number(page, 'order-visits').waitFor();
          await page.getByTestId('runs').waitFor();
          const shift = await page.evaluate(() => window.shift);
          assert.ok(shift < 0.05, `layout shift ${shift}`);
          await page.unrouteAll({ behavior: 'ignoreErrors' });
        },
        { viewport },
      ));
  }

  it('that is away from the start is said to be, and the page comes by itself when it is back', () =>
    withPage(
      '/nowhere',
      async (page) => {
        await page.route('**/v1/**', (route) => route.abort());
        await page.goto(`${server.base}${kBoard}`);
        await page.getByRole('alert').getByText('The server does not answer').waitFor();
        await page.unroute('**/v1/**');
        await number(page, 'order-visits').waitFor();
        assert.equal(await page.getByRole('alert').count(), 0);
      },
      { expectFailures: true },
    ));
});
