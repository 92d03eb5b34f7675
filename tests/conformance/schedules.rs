//! Schedules, their ticks, and the servers that execute them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dragline_core::schedules::{
    NewServer, NewTicks, ScheduleNote, ScheduleStore, TickAsk, TickKind, TickRecord, TickState,
};
use dragline_store::{StoreSettings, open_schedules};
use serde_json::json;

use super::fixture::{execute, run};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_tick_is_one_row_and_changes_by_its_version,
    one_tick_of_a_schedule_runs_at_a_time,
    a_silent_server_is_ended_once,
    a_schedule_is_noted_paused_and_goes_on,
    ticks_are_listed_as_asked_and_pruned,
);

async fn opened(stored: &Stored) -> Arc<dyn ScheduleStore> {
    let store = open_schedules(&stored.url(), &StoreSettings::default()).unwrap();
    store.connect().await.unwrap();
    store
}

fn minute(minute: i64) -> DateTime<Utc> {
    "2026-03-01T03:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

fn tick(schedule: &str, at: i64) -> TickRecord {
    TickRecord::new(schedule, minute(at), TickKind::Cron)
}

async fn add(store: &dyn ScheduleStore, schedule: &str, ticks: Vec<TickRecord>) -> u64 {
    let new = NewTicks { schedule: schedule.to_owned(), known_until: None, ticks };
    store.add_ticks(&new).await.unwrap()
}

fn a_tick_is_one_row_and_changes_by_its_version(stored: &Stored) {
    run(async {
        let store = opened(stored).await;
        assert_eq!(add(&*store, "a", vec![tick("a", 1), tick("a", 0)]).await, 2);
        let again = tick("a", 1).skipped(minute(2), "paused");
        assert_eq!(add(&*store, "a", vec![again, tick("a", 2).skipped(minute(2), "paused")]).await, 1);
        let open = store.open_ticks().await.unwrap();
        assert_eq!(open, [tick("a", 0), tick("a", 1)], "the earliest first, and as they were added first");

        let full = TickRecord {
            state: TickState::Running,
            reason: Some("because".to_owned()),
            server_id: Some(7),
            attempts: 2,
            failures: 1,
            next_try_at: None,
            run_id: Some(12),
            after_run: Some(11),
            exit_code: Some(137),
            pid: Some(4711),
            started_at: Some(minute(1)),
            log_dir: Some("/logs/a".to_owned()),
            forced_kills: 1,
            cancel: Some("replaced".to_owned()),
            ..open[0].clone()
        };
        assert!(store.swap_tick(&full).await.unwrap());
        assert!(!store.swap_tick(&full).await.unwrap(), "somebody was faster");
        let now = store.open_ticks().await.unwrap().remove(0);
        assert_eq!(now, TickRecord { version: 1, ..full });
        let done = now.ended(TickState::Done, minute(9), None);
        assert!(store.swap_tick(&done).await.unwrap());
        assert_eq!(store.open_ticks().await.unwrap(), [tick("a", 1)]);
        store.close().await;
    });
}

fn one_tick_of_a_schedule_runs_at_a_time(stored: &Stored) {
    run(async {
        let store = opened(stored).await;
        add(&*store, "a", vec![tick("a", 0), tick("a", 1)]).await;
        add(&*store, "b", vec![tick("b", 0)]).await;
        let open = store.open_ticks().await.unwrap();
        let running = |at: usize| TickRecord { state: TickState::Running, ..open[at].clone() };
        let [a0, b0, a1] = &open[..] else { panic!("{open:?}") };
        assert_eq!([&*a0.schedule, &*b0.schedule, &*a1.schedule], ["a", "b", "a"]);
        assert!(store.swap_tick(&running(0)).await.unwrap());
        assert!(store.swap_tick(&running(1)).await.unwrap());
        assert!(!store.swap_tick(&running(2)).await.unwrap(), "another one is running");
        assert_eq!(store.open_ticks().await.unwrap()[2], *a1);
        let ended = TickRecord { version: 1, ..running(0) }.ended(TickState::Failed, minute(1), None);
        assert!(store.swap_tick(&ended).await.unwrap());
        assert!(store.swap_tick(&running(2)).await.unwrap());
        // The refusal left no session in a broken transaction.
        assert_eq!(store.open_ticks().await.unwrap().len(), 2);
        store.close().await;
    });
}

fn a_silent_server_is_ended_once(stored: &Stored) {
    run(async {
        let store = opened(stored).await;
        let server = NewServer {
            hostname: "host".to_owned(),
            pid: 12,
            place: "boot:1".to_owned(),
            version: "0.1.0".to_owned(),
            listen: Some("127.0.0.1:8080".to_owned()),
        };
        let (first, second) =
            (store.add_server(&server).await.unwrap(), store.add_server(&server).await.unwrap());
        assert!(first < second && store.beat_server(first).await.unwrap());
        let lease = Duration::from_secs(600);
        assert!(!store.end_server(first, lease).await.unwrap(), "it has just given a sign of life");
        let past = match stored {
            Stored::Postgres(_) => "now() - interval '1 hour'",
            Stored::Sqlite(_) => "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-1 hour')",
        };
        execute(stored, &format!("update crawl_servers set heartbeat_at = {past} where server_id = {first}"));
        let servers = store.list_servers(10).await.unwrap();
        assert_eq!(servers.iter().map(|it| it.server_id).collect::<Vec<_>>(), [second, first]);
        assert!(servers[1].silent_for() > lease && servers[0].silent_for() < lease);
        assert_eq!(servers[1].server, server);
        assert!(store.end_server(first, lease).await.unwrap());
        assert!(!store.end_server(first, lease).await.unwrap(), "another one was faster");
        assert!(!store.beat_server(first).await.unwrap(), "it hears that it was taken for dead");
        assert!(store.end_server(second, Duration::ZERO).await.unwrap());
        assert!(store.list_servers(10).await.unwrap().iter().all(|it| it.ended_at.is_some()));
        store.close().await;
    });
}

fn a_schedule_is_noted_paused_and_goes_on(stored: &Stored) {
    run(async {
        let store = opened(stored).await;
        let note = |name: &str, spider: &str| ScheduleNote {
            name: name.to_owned(),
            definition: json!({ "spider": spider }),
        };
        store.note_schedules(&[note("b", "books"), note("a", "books")], minute(0)).await.unwrap();
        store.note_schedules(&[note("b", "quotes")], minute(5)).await.unwrap();
        let listed = store.list_schedules().await.unwrap();
        let [a, b] = &listed[..] else { panic!("{listed:?}") };
        assert_eq!((&*a.name, &b.definition), ("a", &json!({ "spider": "quotes" })));
        assert_eq!((b.first_seen_at, b.known_until, b.paused_at), (minute(0), minute(0), None));

        let known =
            |until| NewTicks { schedule: "b".to_owned(), known_until: Some(until), ticks: Vec::new() };
        store.add_ticks(&known(minute(9))).await.unwrap();
        store.add_ticks(&known(minute(3))).await.unwrap();
        assert_eq!(store.list_schedules().await.unwrap()[1].known_until, minute(9), "it never goes back");

        assert!(store.pause_schedule("b", Some("me")).await.unwrap());
        assert!(!store.pause_schedule("b", Some("you")).await.unwrap());
        let paused = store.list_schedules().await.unwrap().remove(1);
        assert!(paused.paused_at.is_some() && paused.paused_by.as_deref() == Some("me"));
        assert!(
            store.pause_schedule("b", None).await.unwrap() && !store.pause_schedule("b", None).await.unwrap()
        );
        let on = store.list_schedules().await.unwrap().remove(1);
        assert_eq!((on.paused_at, on.paused_by), (None, None));
        assert!(!store.pause_schedule("nobody", Some("me")).await.unwrap());
        store.close().await;
    });
}

fn ticks_are_listed_as_asked_and_pruned(stored: &Stored) {
    run(async {
        let store = opened(stored).await;
        let ended = |at| tick("a", at).skipped(minute(at), "paused");
        add(&*store, "a", vec![ended(0), ended(1), ended(2), tick("a", 3)]).await;
        add(&*store, "b", vec![tick("b", 0).skipped(minute(0), "paused")]).await;
        let list = async |ask: TickAsk| {
            let ask = TickAsk { limit: if ask.limit == 0 { 100 } else { ask.limit }, ..ask };
            let ticks = store.list_ticks(&ask).await.unwrap();
            ticks.iter().map(|it| format!("{}{}", it.schedule, it.due_at.format("%M"))).collect::<Vec<_>>()
        };
        assert_eq!(list(TickAsk::default()).await, ["a03", "a02", "a01", "a00", "b00"]);
        let of_a = || TickAsk { schedule: Some("a".to_owned()), ..TickAsk::default() };
        assert_eq!(list(TickAsk { limit: 1, due_before: Some(minute(3)), ..of_a() }).await, ["a02"]);
        assert_eq!(list(TickAsk { state: Some(TickState::Waiting), ..TickAsk::default() }).await, ["a03"]);
        assert_eq!(list(TickAsk { run_id: Some(1), ..TickAsk::default() }).await, [""; 0]);

        assert_eq!(store.prune_ticks(minute(2), 1).await.unwrap(), 2);
        assert_eq!(list(TickAsk::default()).await, ["a03", "a02", "b00"], "the last one of each stays");
        store.close().await;
    });
}
