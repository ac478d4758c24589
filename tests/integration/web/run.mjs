// Runs the app's tests for ctest: `node run.mjs unit|browser`. Ends with 77 (skipped) where npm packages or the browser
// are not installed, but fails there when CI is set.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const app = path.resolve(here, '../../../services/gateway/web');

function require(what, file) {
  if (existsSync(file)) return;
  console.error(`${what} is not installed (${file} is missing). 'tools/dev test' installs it.`);
  process.exit(process.env.CI ? 1 : 77);
}

function run(directory, ...args) {
  const result = spawnSync(process.execPath, args, { cwd: directory, stdio: 'inherit' });
  process.exit(result.status ?? 1);
}

if (process.argv[2] === 'unit') {
  const vitest = path.join(app, 'node_modules/vitest/vitest.mjs');
  require('vitest', vitest);
  run(app, vitest, 'run');
} else {
  require('playwright-core', path.join(here, 'node_modules/playwright-core/package.json'));
  require('Chromium', process.env.CHROMIUM ?? '/usr/bin/chromium');
  require('The built web app', path.join(process.env.THROUGHLINE_WEB_ROOT ?? '', 'index.html'));
  run(here, '--test', 'app.test.mjs', 'pages.test.mjs');
}
