// Crawlee (CheerioCrawler) over a site: follows every link, stores a row for each page.

import { CheerioCrawler, log } from '@crawlee/cheerio';
import pg from 'pg';

log.setLevel(log.LEVELS.WARNING);
const concurrency = Number(process.env.CONCURRENCY);
const database = new pg.Pool({ connectionString: process.env.DATABASE_URL });

const crawler = new CheerioCrawler({
    // As many from the start: else it begins with one and looks every few seconds whether there may be more.
    minConcurrency: concurrency,
    maxConcurrency: concurrency,
    async requestHandler({ request, $, enqueueLinks }) {
        const row = [request.loadedUrl, $('title').first().text()];
        await database.query('INSERT INTO pages (url, title) VALUES ($1, $2)', row);
        await enqueueLinks({ strategy: 'same-hostname' });
    },
});
await crawler.run([process.env.START_URL]);
await database.end();
