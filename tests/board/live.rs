//! The page of a crawl that is going on, at the address of its endpoints.

use super::*;

fn crawling(site: &Site, stored: &Stored) -> (Running, String) {
    let mut crawl = crawl_site(&site.url("/"), stored).args(["--listen", "127.0.0.1:0"]).spawn();
    crawl.wait_until("it listens", SOON, |it| address(&it.stderr()).is_some());
    let address = address(&crawl.stderr()).unwrap();
    (crawl, address)
}

/// The next event of a stream.
fn next_event(stream: &mut BufReader<TcpStream>) -> Json {
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream has ended");
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str(data).unwrap();
        }
    }
}

fn events(address: &str, path: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(patience(SOON))).unwrap();
    let words = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(words.as_bytes()).unwrap();
    BufReader::new(stream)
}

#[test]
fn a_crawl_shows_its_run_with_hosts_and_events() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold_after(10);
    let (crawl, address) = crawling(&site, &stored);
    let run = wait_for("the run is on its page", SOON, || {
        let answer = asked(&address, "/api/v1/runs/1");
        let run: Json = serde_json::from_str(&answer.body).ok()?;
        let hosts = run["live"]["hosts"].as_array()?;
        (hosts.first()?["in_flight"].as_u64()? > 0).then_some(run)
    });
    Description::of(&address).check("/api/v1/runs/1", 200, &run);
    assert_eq!(run["run"]["state"], "running");
    assert_eq!(run["live"]["hosts"][0]["host"], site.host(), "{run}");
    assert_eq!(run["live"]["status"]["spider"], "site");
    let page = asked(&address, "/runs/1").body;
    assert!(page.contains("data-events=\"/api/v1/events?run=1\"") && page.contains(&site.host()), "{page}");
    let mut stream = events(&address, "/api/v1/events?run=1");
    let first = next_event(&mut stream);
    assert_eq!(first["runs"][0]["state"], "running");
    site.release();
    let finished = crawl.finish();
    finished.assert_code(0);
    // The page was an ordinary reader, and has changed nothing.
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);
}

#[test]
fn an_open_page_is_told_when_something_changes() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    crawl_site(&site.url("/"), &stored).args(["--limit", "5"]).run();
    let board = Board::of(&stored);
    let mut stream = events(&board.address, "/api/v1/events");
    let first = next_event(&mut stream);
    assert_eq!(first["runs"].as_array().unwrap().len(), 1);
    crawl_site(&site.url("/"), &stored).args(["--limit", "5"]).run();
    let more = wait_for("the second run is told", SOON, || {
        Some(next_event(&mut stream)).filter(|event| event["runs"].as_array().unwrap().len() == 2)
    });
    assert_eq!(more["runs"][0]["run_id"], 2);
    // A page that was away is up to date at once.
    assert_eq!(
        next_event(&mut events(&board.address, "/api/v1/events"))["runs"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn open_pages_never_slow_a_probe_and_are_bounded() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold_after(10);
    let (mut crawl, address) = crawling(&site, &stored);
    wait_for("the run is open", SOON, || (asked(&address, "/api/v1/runs/1").status == 200).then_some(()));
    // More streams and silent connections than there may be.
    let streams: Vec<_> = (0..60).map(|_| events(&address, "/api/v1/events")).collect();
    let silent: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let mut answers = 0;
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(asked(&address, "/health").status, 200);
        assert!(began.elapsed() < patience(Duration::from_secs(2)), "{:?}", began.elapsed());
        let page = asked(&address, "/");
        assert!([200, 503].contains(&page.status), "{page:?}");
        answers += usize::from(page.status == 200);
    }
    assert!(answers > 0, "a page still gets through");
    drop((streams, silent));
    site.release();
    crawl.wait_until("it ends", SOON, |it| it.stdout().contains("finished"));
    crawl.finish().assert_code(0);
}

#[test]
fn a_stop_does_not_wait_for_open_pages() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold_after(10);
    let (crawl, address) = crawling(&site, &stored);
    wait_for("the run is open", SOON, || (asked(&address, "/api/v1/runs/1").status == 200).then_some(()));
    let mut stream = events(&address, "/api/v1/events?run=1");
    next_event(&mut stream);
    let began = Instant::now();
    crawl.signal("TERM");
    crawl.finish().assert_code(75);
    assert!(began.elapsed() < patience(Duration::from_secs(8)), "{:?}", began.elapsed());
}
