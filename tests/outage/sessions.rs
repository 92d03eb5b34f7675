//! The limits of the sessions on the server.

use std::collections::BTreeMap;

use super::scene::Scene;

#[test]
fn every_session_has_its_limits() {
    let scene = Scene::new(20).with_tables();
    // The sessions that write tell of themselves.
    scene.database.query(
        "create table seen (name text, setting text);
         create function see() returns trigger language plpgsql as $$
         begin
             insert into seen select name, setting from pg_settings
             where name like '%timeout' or name like 'tcp_keep%' or name like 'client_connection%';
             return null;
         end $$;
         create trigger see before insert on nasty_things for each statement execute function see();",
    );
    scene.crawl().run().assert_code(0);
    let seen = scene.database.query("select distinct name, setting from seen");
    let seen: BTreeMap<_, _> = seen.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    for (name, setting) in [
        ("statement_timeout", "30000"),
        ("lock_timeout", "10000"),
        ("idle_in_transaction_session_timeout", "30000"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "30000"),
        ("client_connection_check_interval", "5000"),
    ] {
        assert_eq!(seen.get(name), Some(&setting), "{name}");
    }
}
