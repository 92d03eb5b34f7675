//! The network, the proxy or the machine fails, and the crawl waits: nothing is charged to pages.

use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::Duration;

use dragline_testkit::forward_proxy::Manner;
use dragline_testkit::{Answer, Dragline, Finished, ForwardProxy, Running, Site};
use tempfile::TempDir;

use crate::container::{can, not_tested};
use crate::stored::dragline;

const SOON: Duration = Duration::from_secs(30);

/// The proxy answers for all hosts itself: the first page links to `hosts` others.
fn page(hosts: usize) -> Manner {
    let links: String = (0..hosts).map(|host| format!("<a href='http://h{host}.example/'>x</a>")).collect();
    let body = format!("<title>page</title>{links}");
    let length = body.len();
    Manner::Answers(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

fn crawl_through(proxy: &ForwardProxy) -> Dragline {
    dragline()
        .args(["crawl", "site", "--start-url", "http://start.example/", "--allow-domain", "*"])
        .args(["--proxy", &format!("http://{}", proxy.host()), "--rate", "0", "--retries", "0"])
        .env("DRAGLINE_LOG", "info")
}

#[test]
fn a_proxy_that_goes_away_costs_no_page() {
    let proxy = ForwardProxy::start();
    proxy.set(page(60));
    proxy.set_after(40, Manner::Gone);
    let mut running = crawl_through(&proxy).spawn();
    running
        .wait_until("the outage is told", SOON, |running| running.stderr().contains("so the crawl pauses"));
    assert!(running.is_running());
    proxy.set(page(60));
    let ended = running.finish();
    ended.assert_code(0).assert_stdout("done 61, failed 0").assert_stderr("so the crawl goes on");
    let warnings = ended.stderr.lines().filter(|line| line.contains("WARN")).count();
    ended.assert("one warning", warnings == 1);
}

#[test]
fn a_stop_while_the_proxy_is_away() {
    let proxy = ForwardProxy::start();
    proxy.set(page(10));
    proxy.set_after(6, Manner::Gone);
    let crawl = crawl_through(&proxy);
    let running = {
        let mut running = crawl.spawn();
        running.wait_until("the outage is told", SOON, |running| {
            running.stderr().contains("so the crawl pauses")
        });
        running.signal("TERM");
        running
    };
    running.finish_within(Duration::from_secs(20)).assert_code(75);
    // It stays away for longer than the run may wait.
    let ended = crawl.clone().args(["--max-network-outage", "1s"]).run();
    ended.assert_code(75).assert_stderr("no host could be reached for too long").assert_stdout("network: ");
    proxy.set(page(10));
    crawl.run().assert_code(0).assert_stdout("done 11, failed 0");
}

/// A file has the names of all hosts. For a name that is not in it, a name server is asked that never answers.
struct Names {
    folder: TempDir,
    lines: String,
    server: UdpSocket,
}

impl Names {
    /// Where the name server listens.
    const SERVER: &str = "127.53.53.53";
    /// Puts the files in the place of the system's, for one program.
    const MOUNT: &str = "mount --bind \"$0/hosts\" /etc/hosts && mount --bind \"$0/resolv.conf\" /etc/resolv.conf && exec \"$@\"";

    /// `None` where this cannot be done.
    fn of(hosts: usize) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let server = UdpSocket::bind((Self::SERVER, 53));
        if server.is_err() || !can(&["unshare", "--mount", "mount", "--bind", "/etc/hosts", "/etc/hosts"]) {
            not_tested(
                "name servers that do not answer",
                "It takes root, with CAP_SYS_ADMIN, and a free port 53.",
            );
            return None;
        }
        let lines = (0..=hosts).map(|host| format!("127.2.0.{} h{host}.example\n", host + 1)).collect();
        let options = "options timeout:1 attempts:1";
        fs::write(folder.path().join("resolv.conf"), format!("nameserver {}\n{options}\n", Self::SERVER))
            .unwrap();
        let names = Self { folder, lines, server: server.unwrap() };
        names.are_known();
        Some(names)
    }

    fn are_known(&self) {
        fs::write(self.file(), &self.lines).unwrap();
    }

    fn are_gone(&self) {
        fs::write(self.file(), "").unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("hosts")
    }

    /// Waits until the name server is asked.
    fn are_asked_for(&self) {
        self.server.set_read_timeout(Some(SOON)).unwrap();
        self.server.recv(&mut [0; 512]).expect("a question");
    }

    /// A crawl of all hosts, one page each. It begins at `h0`.
    fn crawl(&self, port: &str) -> Dragline {
        let start = format!("http://h0.example:{port}/");
        Dragline::new("unshare")
            .args(["--mount", "sh", "-c", Self::MOUNT])
            .arg(self.folder.path())
            .arg(dragline().program())
            .args(["crawl", "site", "--start-url", &start, "--allow-domain", "*"])
            .args(["--rate", "0", "--retries", "0", "--concurrency", "8"])
            .arg("--store")
            .arg(format!("sqlite:{}", self.folder.path().join("names.db").display()))
            .limit(Duration::from_secs(120))
    }
}

/// The pages of all hosts. The first one links to the others.
fn named_site(hosts: usize) -> Site {
    let site = Site::builder().bind("0.0.0.0:0").handler(move |asked| {
        let (host, port) = asked.header("host")?.split_once(':')?;
        let link = |other: usize| format!("<a href='http://h{other}.example:{port}/'>x</a>");
        let links = if host == "h0.example" { (1..=hosts).map(link).collect() } else { String::new() };
        (asked.path == "/").then(|| Answer::html(format!("<title>{host}</title>{links}")))
    });
    site.start()
}

/// All names are gone in mid-crawl, until `lasts` has returned. No request is charged.
fn names_go_away(lasts: impl FnOnce(&Names, &mut Running)) -> Option<Finished> {
    const HOSTS: usize = 30;
    let names = Names::of(HOSTS)?;
    let site = named_site(HOSTS);
    // Some hosts have answered, with their robots.txt and their page.
    site.hold_after(12);
    let mut running = names.crawl(site.host().rsplit(':').next().unwrap()).spawn();
    running.wait_until("some hosts have answered", SOON, |_| site.waiting() > 0);
    names.are_gone();
    site.release();
    lasts(&names, &mut running);
    names.are_known();
    let ended = running.finish();
    ended.assert_code(0).assert_stdout(&format!("done {}, failed 0", HOSTS + 1));
    Some(ended)
}

#[test]
fn name_servers_that_do_not_answer_cost_no_page() {
    let Some(ended) = names_go_away(|_, running| {
        running.wait_until("the outage is told", SOON, |it| it.stderr().contains("so the crawl pauses"));
    }) else {
        return;
    };
    ended.assert_stderr("so the crawl goes on");
    let warnings = ended.stderr.lines().filter(|line| line.contains("WARN")).count();
    ended.assert("one warning", warnings == 1);
}

/// When the failures come, the name servers answer again.
#[test]
fn name_servers_that_are_away_for_a_moment_cost_no_page() {
    names_go_away(|names, _| names.are_asked_for());
}

#[test]
fn many_hosts_fit_into_few_file_descriptors() {
    let hosts = 600;
    let site = Site::builder().bind("0.0.0.0:0").page("/", Answer::html("<title>host</title>"));
    let site = site.handler(move |asked| {
        let port = asked.header("host")?.rsplit(':').next()?.to_owned();
        let link =
            |host: usize| format!("<a href='http://127.2.{}.{}:{port}/'>x</a>", host / 200, host % 200 + 1);
        (asked.path == "/start").then(|| Answer::html((0..hosts).map(link).collect::<String>()))
    });
    let site = site.start();
    let port = site.host().rsplit(':').next().unwrap().to_owned();
    let program = dragline();
    // The soft limit is raised to the hard one, and that is low.
    let limited = Dragline::new("/bin/sh")
        .args(["-c", "ulimit -Sn 128; ulimit -Hn 256; exec \"$0\" \"$@\""])
        .arg(program.program())
        .args(["crawl", "site", "--start-url", &format!("http://127.0.0.1:{port}/start")])
        .args(["--allow-domain", "*", "--rate", "0", "--retries", "0"])
        .limit(Duration::from_secs(120));
    let ended = limited.run();
    ended.assert_code(0).assert_stdout(&format!("done {}, failed 0", hosts + 1));
    ended.assert("there was no outage", !ended.stderr.contains("WARN"));
}

#[test]
fn a_process_that_was_stopped_fails_no_request() {
    let site = Site::builder().page("/", Answer::html("<title>page</title>")).start();
    site.hold();
    let crawl = dragline()
        .args(["crawl", "site", "--start-url", &site.url("/"), "--retries", "0", "--robots", "false"])
        .args(["--first-byte-timeout", "4s", "--request-timeout", "5s", "--max-duration", "8s"]);
    let running = crawl.spawn();
    dragline_testkit::wait_until("the page is asked for", SOON, || site.total_hits() > 0);
    running.signal("STOP");
    // Longer than its time-outs, and than what counts as a delay of a busy machine. Nothing else shows that time has passed.
    #[allow(clippy::disallowed_methods)]
    std::thread::sleep(Duration::from_secs(10));
    site.release();
    running.signal("CONT");
    let ended = running.finish();
    ended.assert_code(0).assert_stdout("done 1, failed 0").assert_stderr("did not run for a while");
}
