// Chromium, and what every page of the tests is watched for: errors in the console, and requests to elsewhere.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

export const kChromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

const kFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export class Browser {
  static async start(base) {
    const browser = new Browser();
    browser.base = base;
    browser.directory = await mkdtemp(path.join(os.tmpdir(), 'throughline-chromium-'));
    browser.context = await chromium.launchPersistentContext(path.join(browser.directory, 'profile'), {
      executablePath: kChromium,
      headless: true,
      args: kFlags,
      viewport: { width: 1440, height: 900 },
      colorScheme: 'light',
    });
    browser.context.setDefaultTimeout(30_000);
    browser.complaints = [];
    return browser;
  }

  async open(address, { viewport, expectFailures = false } = {}) {
    const page = await this.context.newPage();
    if (viewport) await page.setViewportSize(viewport);
    const complain = (text) => this.complaints.push(`${address}: ${text}`);
    page.on('pageerror', (error) => complain(`exception: ${error.message}`));
    page.on('console', (message) => {
      // A server that is away shows as a failed request in the console; a test that takes it away expects that.
      if (expectFailures && message.text().startsWith('Failed to load resource')) return;
      if (message.type() === 'error' || message.type() === 'warning') complain(`${message.type()}: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(this.base) && !request.url().startsWith('data:')) complain(`request: ${request.url()}`);
    });
    await page.goto(this.base + address);
    return page;
  }

  // Every test leaves the console clean and stays on the server.
  async withPage(address, test, options) {
    const complaintsBefore = this.complaints.length;
    const page = await this.open(address, options);
    try {
      await test(page);
    } finally {
      await page.close();
    }
    assert.deepEqual(this.complaints.slice(complaintsBefore), []);
  }

  async stop() {
    await this.context.close();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
