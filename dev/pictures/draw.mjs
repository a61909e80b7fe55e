// node draw.mjs RECORDS OUT [NAME...]: draws the pictures of pictures.json from recorded dashboards, or only those with these names.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { height, selected, WIDTH } from './layout.mjs';

const [records, out, ...names] = process.argv.slice(2);
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const work = mkdtempSync(join(tmpdir(), 'eventpipeline-pictures-'));
try {
  await build({
    entryPoints: [new URL('page.jsx', import.meta.url).pathname],
    bundle: true,
    outfile: join(work, 'page.js'),
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    logLevel: 'error',
    loader: { '.svg': 'text', '.png': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
  });
  for (const picture of read(new URL('pictures.json', import.meta.url))) {
    if (names.length === 0 || names.includes(picture.name)) draw(picture);
  }
} finally {
  rmSync(work, { recursive: true });
}

function draw(picture) {
  const { name, record, mode } = picture;
  const { dashboard, data, from, to } = read(join(records, `${record}.json`));
  const panels = selected(dashboard.panels, picture);
  const input = JSON.stringify({ panels, data, from, to, mode }).replace(/</g, '\\u003c');
  const page = join(work, 'index.html');
  writeFileSync(page, `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css">
<style>html{font-size:14px}body{margin:0;font-family:Inter,sans-serif}</style><div id="root"></div>
<script>window.__INPUT__=${input}</script><script type="module" src="page.js"></script>`);
  const raw = join(work, `${name}.png`);
  const { status, stderr } = spawnSync('chromium', [
    '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--allow-file-access-from-files',
    `--user-data-dir=${join(work, 'profile')}`, `--window-size=${WIDTH},${height(panels)}`, '--virtual-time-budget=20000',
    '--enable-logging=stderr', `--screenshot=${raw}`, `file://${page}`,
  ], { encoding: 'utf8', timeout: 300_000 });
  // A component that throws leaves an empty place in the picture, and a line here.
  const errors = stderr.split('\n').filter((line) => line.includes('CONSOLE') && line.includes('Uncaught'));
  if (status !== 0 || errors.length > 0) throw new Error(`${name}: ${[...new Set(errors)].join('\n') || stderr}`);
  const file = join(out, `${name}.png`);
  execFileSync('pngquant', ['--force', '--strip', '--speed=1', '--output', file, '128', raw]);
  console.log(file);
}
