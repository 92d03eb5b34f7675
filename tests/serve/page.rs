//! Schedules on the page: what comes next, what waits or was skipped and why, and what is paused.

use serde_json::Value as Json;

use super::*;

fn ask(address: &str, path: &str) -> String {
    let words = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let asked = ask_with(address, &words).unwrap();
    assert_eq!(asked.status, 200, "{path}: {asked:?}");
    asked.body
}

fn json(address: &str, path: &str) -> Json {
    serde_json::from_str(&ask(address, path)).unwrap()
}

on_both_stores!(the_page_says_what_comes_next_and_why_ticks_did_not_run);

fn the_page_says_what_comes_next_and_why_ticks_did_not_run(stored: &Stored) {
    let site = Site::generated(12, 3);
    site.hold_after(3);
    let file = schedule("nightly", &site, "0 3 * * *", "time_zone = 'Asia/Kolkata'")
        + &schedule("often", &site, "* * * * *", "if_running = 'queue'")
        + &schedule("idle", &site, "* * * * *", "")
        + &schedule("wrong", &site, "0 0 * * *", "args = { nonsense = '1' }");
    let server = server(stored, dragline(), &clock("2026-02-28T23:59:50Z", 20), &file);
    let pause = dragline().cwd(server.folder()).args(["schedule", "pause", "idle", "--store", &stored.url()]);
    pause.run().assert_code(0);
    let mut running = server.clone().args(["--listen", "127.0.0.1:0"]).spawn();
    running.wait_until("it crawls, and more ticks wait", SOON, |_| {
        of_state(stored, "running") == 1 && of_state(stored, "waiting") > 0 && of_state(stored, "failed") == 1
    });
    let skipped = "select count(*) from crawl_ticks where schedule = 'idle' and state = 'skipped'";
    running.wait_until("ticks are skipped", SOON, |_| stored.count(skipped) > 0);
    let address = address(&running.stderr()).unwrap();
    running.wait_until("the page knows it", SOON, |_| {
        json(&address, "/api/v1/schedules/idle")["schedule"]["last"]["state"] == "skipped"
    });
    let all = json(&address, "/api/v1/schedules");
    let names: Vec<&str> =
        all["schedules"].as_array().unwrap().iter().map(|it| it["schedule"].as_str().unwrap()).collect();
    assert_eq!(names, ["idle", "nightly", "often", "wrong"]);
    let of = |name: &str| json(&address, &format!("/api/v1/schedules/{name}"));
    let (idle, often, wrong) = (of("idle"), of("often"), of("wrong"));
    assert_eq!((&idle["schedule"]["next"], idle["schedule"]["open_count"].as_u64()), (&Json::Null, Some(0)));
    assert!(idle["ticks"][0]["reason"].as_str().unwrap().contains("was paused by"), "{idle}");
    assert_eq!(often["schedule"]["open"][0]["state"], "running", "{often}");
    assert!(often["schedule"]["open_count"].as_u64().unwrap() > 1, "{often}");
    let why = wrong["schedule"]["last"]["reason"].as_str().unwrap();
    assert!(why.starts_with("not tried again") && why.contains("nonsense"), "{wrong}");
    // 03:00 in Kolkata is 21:30 in UTC.
    let nightly = of("nightly");
    assert!(nightly["schedule"]["next"]["due_at"].as_str().unwrap().ends_with("T21:30:00Z"), "{nightly}");
    let overview = json(&address, "/api/v1/overview");
    let next = overview["next"].as_array().unwrap();
    assert!(!next.is_empty() && next.iter().all(|it| it["schedule"] != "idle"), "{overview}");
    let home = ask(&address, "/");
    for told in ["is paused by", "not tried again", "Waiting", "/schedules/wrong"] {
        assert!(home.contains(told), "{told}: {home}");
    }
    let schedules = ask(&address, "/schedules");
    assert!(
        schedules.contains("03:00 IST") && schedules.contains("the schedule was paused by"),
        "{schedules}"
    );
    assert!(ask(&address, "/schedules/often").contains("#1"));
    let run = json(&address, "/api/v1/runs/1");
    assert_eq!((&run["tick"]["schedule"], &run["tick"]["state"]), (&"often".into(), &"running".into()));
    // The page follows the file.
    fs::write(server.folder().join("dragline.toml"), schedule("yearly", &site, "0 3 1 1 *", "")).unwrap();
    running.signal("HUP");
    running.wait_until("the new file is on the page", SOON, |_| {
        let all = json(&address, "/api/v1/schedules");
        let all = all["schedules"].as_array().unwrap();
        all.iter().any(|it| it["schedule"] == "yearly") && all.iter().any(|it| it["is_in_file"] == false)
    });
    site.release();
    running.signal("TERM");
    running.finish().assert_code(0);
}
