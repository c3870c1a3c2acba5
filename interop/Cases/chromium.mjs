// Drives Chromium without a window for the case `page-chromium`: a page and its resources, server-sent events, the resources again.
// Arguments: playwright-core's folder, the program that starts Chromium, a folder for its profile, host:port, the hash of the certificate's key.
// Says on standard output, one line each: `page PROTOCOL RESOURCES PROTOCOLS`, `tick N` for each event, and after a line on standard input
// `again RESOURCES PROTOCOLS`: those that came whole.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [playwright, executablePath, profile, authority, keyHash] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);
const browser = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  timeout: 60_000,
  // Playwright's own defaults would be right but for two: QUIC must be on, and what comes over it must count by its key.
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--enable-quic', `--origin-to-force-quic-on=${authority}`, `--ignore-certificate-errors-spki-list=${keyHash}`,
  ],
});
const page = await browser.newPage();
const failures = [];
page.on('requestfailed', (request) => failures.push(`${request.url()} ${request.failure()?.errorText}`));

const resources = () => page.evaluate(() => performance.getEntriesByType('resource')
  .filter((entry) => entry.name.includes('/files/part'))
  .map((entry) => ({ protocol: entry.nextHopProtocol, status: entry.responseStatus, bytes: entry.decodedBodySize })));
const summary = (entries) => `${entries.filter((entry) => entry.status === 200 && entry.bytes > 0).length} ${[...new Set(entries.map((entry) => entry.protocol))].join(',')}`;

try {
  await page.goto(`https://${authority}/files/index.html`, { waitUntil: 'load', timeout: 60_000 });
  const protocol = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
  console.log(`page ${protocol} ${summary(await resources())}`);

  await page.exposeFunction('tick', (number) => console.log(`tick ${number}`));
  await page.evaluate(() => {
    const events = new EventSource('/counter');
    events.onmessage = (event) => window.tick(event.data);
    events.onerror = () => window.tick('broken');
  });

  for await (const _ of createInterface({ input: process.stdin })) {
    await page.evaluate(async () => {
      performance.clearResourceTimings();
      const names = [...document.querySelectorAll('[src]')].map((element) => element.src);
      await Promise.all(names.map(async (name) => (await fetch(name, { cache: 'no-store' })).arrayBuffer()));
    });
    console.log(`again ${summary(await resources())}`);
  }
} finally {
  for (const failure of failures.slice(0, 5)) {
    console.error(failure);
  }

  await browser.close();
}
