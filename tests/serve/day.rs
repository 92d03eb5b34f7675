//! A day of schedules in fast-forward. Two servers share a database, and crawls, servers and the database are killed, suspended and taken
//! away at random. At the end, every tick was executed exactly once or skipped with a reason, and nothing is left behind.
//!
//! The test in `./test` makes [`RESTARTS`] restarts. `DRAGLINE_DAY_RESTARTS=500` makes a long day, and `DRAGLINE_DAY_SEED` repeats one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use dragline_testkit::{ChaosProxy, Dragline, Link, Running, Site, wait_until};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{clock, is_alive, schedule, server_at, told};
use crate::stored::{Stored, dragline};

/// Restarts of crawls and servers in the short day.
const RESTARTS: usize = 14;
/// A simulated second in real time: half a minute is a day.
const SPEED: u32 = 2_880;
const START: &str = "2026-03-01T00:00:00Z";
/// The pages of each site. A crawl of it takes a few seconds.
const PAGES: usize = 24;
/// In the environment of every process of the day.
const MARK: &str = "MARK_OF_THE_DAY";
/// The longest wait for the end of everything, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The schedules: their names, how often they are due, and what else they say.
const SCHEDULES: [(&str, &str, i64, &str); 4] = [
    ("hourly", "0 * * * *", 60, ""),
    ("queued", "30 */3 * * *", 180, "if_running = 'queue'\ncatch_up = 'all'"),
    ("recycled", "15 */2 * * *", 120, "max_pages = 8"),
    ("replaced", "45 */4 * * *", 240, "if_running = 'replace'"),
];

struct Day {
    stored: Stored,
    proxy: ChaosProxy,
    sites: Vec<Site>,
    server: Dragline,
    servers: Vec<Running>,
    random: StdRng,
    mark: String,
    strikes: BTreeMap<&'static str, usize>,
}

#[test]
fn every_tick_of_a_day_is_executed_once_whatever_ends() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let restarts = number("DRAGLINE_DAY_RESTARTS").map_or(RESTARTS, |count| usize::try_from(count).unwrap());
    let seed = number("DRAGLINE_DAY_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    eprintln!("the seed of the day is {seed}, with {restarts} restarts");
    let began = Instant::now();
    let mut day = Day::new(seed);
    let mut killed = 0;
    while killed < restarts {
        killed += day.strike();
        let pause = day.random.random_range(100..900);
        wait(Duration::from_millis(pause));
    }
    day.settle();
    day.every_tick_has_ended_once();
    day.no_page_is_lost();
    day.nothing_is_left(seed);
    let ticks = day.stored.query("select state, count(*) from crawl_ticks group by state order by state");
    let attempts = day.stored.count("select sum(attempts) from crawl_ticks");
    eprintln!("seed {seed}: {:?}, {ticks:?}, {attempts} attempts, in {:?}", day.strikes, began.elapsed());
}

/// A pause that is a part of the plan, and no wait for something.
fn wait(time: Duration) {
    let since = Instant::now();
    wait_until("the pause is over", time * 2 + Duration::from_secs(1), || since.elapsed() >= time);
}

/// The processes that have ended and that their parent has not waited for.
fn zombies_of(parent: u32) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let is_zombie = |stat: &String| {
        // After the name, which may contain anything: the state and the parent.
        let mut rest = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        rest.next() == Some("Z") && rest.next() == Some(&parent.to_string())
    };
    stats.filter(is_zombie).count()
}

impl Day {
    fn new(seed: u64) -> Self {
        let stored = Stored::postgres();
        let sites: Vec<Site> = SCHEDULES
            .iter()
            .map(|_| Site::builder().generated(PAGES, 3).delay(Duration::from_millis(30)).start())
            .collect();
        let more = "restarts = 100000\nrestart_delay = '30s'\nhost_concurrency = 3\nmax_silence = '5s'\n";
        let file: String = SCHEDULES
            .iter()
            .zip(&sites)
            .map(|((name, cron, _, own), site)| schedule(name, site, cron, &format!("{more}{own}")))
            .collect();
        let (proxy, url) = ChaosProxy::before(&stored.url());
        let mark = format!("{seed}-{}", std::process::id());
        let server = server_at(&url, &stored, dragline(), &clock(START, SPEED), &file);
        let server = server.env(MARK, &mark).args(["--shutdown-timeout", "8s"]);
        let mut day = Self {
            stored,
            proxy,
            sites,
            server,
            servers: Vec::new(),
            random: StdRng::seed_from_u64(seed),
            mark,
            strikes: BTreeMap::new(),
        };
        day.servers = vec![day.server.spawn(), day.server.spawn()];
        day
    }

    /// Does something bad. Returns how many restarts that costs.
    fn strike(&mut self) -> usize {
        for server in &mut self.servers {
            // It shows the output of one that has ended.
            server.wait_until("a server serves", PATIENCE, |_| true);
            assert!(server.is_running(), "a server has ended by itself\n{}", server.stderr());
        }
        let (what, restarts) = match self.random.random_range(0..100) {
            0..45 => ("crawl killed", self.at_a_crawl("-KILL")),
            45..52 => ("crawl suspended", self.at_a_crawl("-STOP")),
            52..60 => ("crawl stopped", self.at_a_crawl("-TERM")),
            60..76 => ("server killed", self.replace_a_server(|it| drop(it.kill9()))),
            76..84 => (
                "server stopped",
                self.replace_a_server(|mut it| {
                    // A program that has just been started is ended by any signal.
                    it.wait_until("it catches signals", PATIENCE, |it| !it.stderr().is_empty());
                    it.signal("TERM");
                    // 70: a crawl that was suspended had to be killed.
                    let code = it.finish_within(PATIENCE).code;
                    assert!([Some(0), Some(70)].contains(&code), "{code:?}");
                }),
            ),
            84..92 => ("server suspended", self.suspend_a_server()),
            _ => ("database away", self.take_the_database_away()),
        };
        *self.strikes.entry(what).or_default() += 1;
        restarts
    }

    fn at_a_crawl(&mut self, signal: &str) -> usize {
        let running =
            self.stored.query("select pid from crawl_ticks where state = 'running' and pid is not null");
        if running.is_empty() {
            return 0;
        }
        let pid = &running[self.random.random_range(0..running.len())][0];
        // It may have ended since, and its pid must not be that of a stranger.
        if self.marked().contains(pid) {
            let _ = std::process::Command::new("kill").args([signal, pid]).status();
            return 1;
        }
        0
    }

    fn replace_a_server(&mut self, end: impl FnOnce(Running)) -> usize {
        let at = self.random.random_range(0..self.servers.len());
        end(self.servers.swap_remove(at));
        self.servers.push(self.server.spawn());
        1
    }

    /// The others take it for dead, and it notices that when it goes on.
    fn suspend_a_server(&mut self) -> usize {
        let at = self.random.random_range(0..self.servers.len());
        self.servers[at].signal("STOP");
        wait(Duration::from_millis(self.random.random_range(500..3_500)));
        self.servers[at].signal("CONT");
        0
    }

    fn take_the_database_away(&mut self) -> usize {
        self.proxy.go_away();
        wait(Duration::from_millis(self.random.random_range(300..4_000)));
        self.proxy.set(Link::Pass);
        0
    }

    /// Everything that has begun ends, and then the servers stop.
    fn settle(&mut self) {
        self.stored.execute("update crawl_schedules set paused_at = now(), paused_by = 'the test'");
        let open = "select count(*) from crawl_ticks where state in ('waiting', 'running')";
        let stored = &self.stored;
        self.servers[0].wait_until("all ticks have ended", PATIENCE, |_| stored.count(open) == 0);
        for server in &self.servers {
            wait_until("a server has no zombie", PATIENCE, || zombies_of(server.pid()) == 0);
        }
        for server in self.servers.drain(..) {
            server.signal("TERM");
            server.finish_within(PATIENCE).assert_code(0);
        }
        assert_eq!(self.stored.count(open), 0, "{}", told(&self.stored));
    }

    fn every_tick_has_ended_once(&self) {
        let unexplained = "select count(*) from crawl_ticks
            where (state = 'failed' and reason <> 'replaced by the next tick of the schedule') or (state = 'skipped' and coalesce(reason, '') = '')";
        assert_eq!(self.stored.count(unexplained), 0, "{}", told(&self.stored));
        for (name, _, minutes, _) in SCHEDULES {
            let sql = format!(
                "select to_char(due_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from crawl_ticks
                 where schedule = '{name}' order by due_at"
            );
            let rows = self.stored.query(&sql).into_iter();
            let moments: Vec<DateTime<Utc>> = rows.map(|row| row[0].parse().unwrap()).collect();
            for pair in moments.windows(2) {
                assert_eq!(pair[1] - pair[0], TimeDelta::minutes(minutes), "{name}\n{}", told(&self.stored));
            }
        }
        // Each executed tick has a run of its own, and each finished run belongs to a tick.
        let runs = "select run_id from crawl_ticks where state = 'done'";
        let of_ticks: BTreeSet<String> =
            self.stored.query(runs).into_iter().map(|mut row| row.remove(0)).collect();
        let done = self.stored.count("select count(*) from crawl_ticks where state = 'done'");
        let finished = self.stored.query("select run_id from crawl_runs where state = 'finished'");
        let finished: BTreeSet<String> = finished.into_iter().map(|mut row| row.remove(0)).collect();
        assert_eq!((of_ticks.len(), &finished), (done, &of_ticks), "{}", told(&self.stored));
        assert!(done > 0, "{}", told(&self.stored));
    }

    fn no_page_is_lost(&self) {
        let pages = "select run_id, count(*) from crawl_requests where state = 'done'
            and run_id in (select run_id from crawl_runs where state = 'finished') group by run_id";
        for row in self.stored.query(pages) {
            assert_eq!(row[1], PAGES.to_string(), "run {}", row[0]);
        }
        let truth: BTreeMap<String, String> =
            self.sites.iter().flat_map(|site| site.truth().clone()).collect();
        let (stored, all) = (self.stored.titles(), truth.len());
        assert!(stored.iter().all(|(url, title)| truth.get(url) == Some(title)));
        assert!(stored.len() <= all && stored.len() >= PAGES, "{} of {all}", stored.len());
    }

    /// No process, zombie, session, lock or server is left.
    fn nothing_is_left(&self, seed: u64) {
        wait_until(&format!("no process is left (seed {seed})"), PATIENCE, || self.marked().is_empty());
        let sessions = "select count(*) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'";
        wait_until("no session is left", PATIENCE, || self.stored.count(sessions) == 0);
        let locks = "select count(*) from pg_locks where locktype = 'advisory'
            and database = (select oid from pg_database where datname = current_database())";
        assert_eq!(self.stored.count(locks), 0);
        let servers = "select count(*) from crawl_servers where ended_at is null";
        assert_eq!(self.stored.count(servers), 0);
        assert_eq!(self.stored.count("select count(*) from crawl_runs where state = 'running'"), 0);
    }

    /// The processes of the day, without zombies.
    fn marked(&self) -> BTreeSet<String> {
        let mark = format!("{MARK}={}", self.mark).into_bytes();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().into_string().ok());
        let pids = pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()));
        let is_marked = |pid: &String| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|it| it == mark) && is_alive(pid)
        };
        pids.filter(is_marked).collect()
    }
}
