"""Scrapy over a site: follows every link, stores a row for each page in batches of 50."""

import os

import psycopg
import scrapy
from scrapy.linkextractors import LinkExtractor

ROWS_OF_A_BATCH = 50


class Pages(scrapy.Spider):
    name = "pages"
    start_urls = [os.environ["START_URL"]]
    allowed_domains = ["127.0.0.1"]
    links = LinkExtractor(deny_extensions=[])
    custom_settings = {
        "CONCURRENT_REQUESTS": int(os.environ["CONCURRENCY"]),
        "CONCURRENT_REQUESTS_PER_DOMAIN": int(os.environ["CONCURRENCY"]),
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": True,
        "LOG_LEVEL": "WARNING",
        "ITEM_PIPELINES": {"scrapy_spider.Store": 1},
    }

    def parse(self, response):
        if not isinstance(response, scrapy.http.HtmlResponse):
            return
        yield {"url": response.url, "title": response.css("title::text").get()}
        for link in self.links.extract_links(response):
            yield scrapy.Request(link.url)


class Store:
    def open_spider(self):
        self.database = psycopg.connect(os.environ["DATABASE_URL"])
        self.rows = []

    def process_item(self, item):
        self.rows.append((item["url"], item["title"]))
        if len(self.rows) == ROWS_OF_A_BATCH:
            self.flush()
        return item

    def close_spider(self):
        self.flush()
        self.database.close()

    def flush(self):
        with self.database.cursor() as cursor:
            cursor.executemany("INSERT INTO pages (url, title) VALUES (%s, %s)", self.rows)
        self.database.commit()
        self.rows = []
