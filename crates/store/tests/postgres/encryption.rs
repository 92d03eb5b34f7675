//! Sessions are encrypted as `sslmode` says, and a server that is not the right one is refused with a clear error.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use dragline_testkit::OwnServer;
use dragline_testkit::certificates::{Authority, self_signed};
use tempfile::TempDir;

use crate::setup::told;
use crate::support::store;

/// Certificates and keys as files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}

/// A server's URL by a host name, and parameters behind it.
fn url(server: &OwnServer, host: &str, parameters: &str) -> String {
    format!("{}?{parameters}", server.url().replace("127.0.0.1", host))
}

/// Connects, and says what came of it: `encrypted`, `plain`, or the error with its hint.
async fn outcome(server: &OwnServer, host: &str, parameters: &str) -> String {
    let store = store(&url(server, host, parameters));
    let connected = store.connect().await;
    let text = match &connected {
        Err(error) => told(error),
        Ok(()) => {
            let sessions = server.query(
                "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                 WHERE application_name = 'dragline'",
            );
            match sessions.as_slice() {
                [row] if row[0] == "t" => "encrypted".to_owned(),
                [row] if row[0] == "f" => "plain".to_owned(),
                other => panic!("some of the sessions are encrypted: {other:?}"),
            }
        }
    };
    store.close().await;
    text
}

fn asks(mode: &str, ca: &Path) -> String {
    format!("sslmode={mode}&sslrootcert={}", ca.display())
}

#[tokio::test]
async fn each_mode_asks_what_libpq_asks() {
    let (files, ours, other) = (Files::new(), Authority::new(), Authority::new());
    let (right, wrong) = (files.write("right.crt", &ours.pem()), files.write("wrong.crt", &other.pem()));
    let mut server = dragline_testkit::server();

    for mode in ["sslmode=disable", "sslmode=prefer", "connect_timeout=2"] {
        assert_eq!(outcome(&server, "localhost", mode).await, "plain", "{mode}");
    }
    for mode in ["sslmode=require".to_owned(), asks("verify-ca", &right), asks("verify-full", &right)] {
        let text = outcome(&server, "localhost", &mode).await;
        assert!(text.contains("offers no encryption") && text.contains("| set ssl = on"), "{mode}: {text}");
    }

    server.encrypt(&ours.sign("some server", &["localhost"]), &ours.pem());
    assert_eq!(outcome(&server, "localhost", "sslmode=disable").await, "plain");
    for (host, mode) in [
        ("localhost", "sslmode=prefer".to_owned()),
        ("localhost", "connect_timeout=2".to_owned()),
        ("localhost", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=require&channel_binding=require".to_owned()),
        ("127.0.0.1", asks("require", &right)),
        ("127.0.0.1", asks("verify-ca", &right)),
        ("localhost", asks("verify-full", &right)),
    ] {
        assert_eq!(outcome(&server, host, &mode).await, "encrypted", "{mode} {host}");
    }
    // A CA that is named is asked, as with libpq.
    for mode in ["require", "verify-ca", "verify-full"] {
        let text = outcome(&server, "localhost", &asks(mode, &wrong)).await;
        assert!(text.contains("not signed by a CA that is trusted here | sslrootcert"), "{mode}: {text}");
        assert!(!text.contains("well-kept"), "{text}");
    }
    let text = outcome(&server, "127.0.0.1", &asks("verify-full", &right)).await;
    assert!(text.contains("not for the host 127.0.0.1, but for") && text.contains("localhost"), "{text}");
    assert!(text.contains("subjectAltName"), "{text}");

    server.encrypt(&ours.sign_expired("some server", &["localhost"]), &ours.pem());
    assert_eq!(outcome(&server, "localhost", "sslmode=require").await, "encrypted");
    for mode in ["verify-ca", "verify-full"] {
        let text = outcome(&server, "localhost", &asks(mode, &right)).await;
        assert!(text.contains("certificate has expired | renew it"), "{mode}: {text}");
    }

    // As the manual of PostgreSQL makes one: it is its own CA.
    let own = self_signed(&["localhost"]);
    server.encrypt(&own, &ours.pem());
    let pinned = files.write("own.crt", &own.certificate);
    assert_eq!(outcome(&server, "localhost", &asks("verify-full", &pinned)).await, "encrypted");
    let text = outcome(&server, "127.0.0.1", &asks("verify-full", &pinned)).await;
    assert!(text.contains("not for the host 127.0.0.1"), "{text}");
    let text = outcome(&server, "localhost", &asks("verify-full", &right)).await;
    assert!(text.contains("not signed by a CA that is trusted here"), "{text}");
}

#[tokio::test]
async fn prefer_goes_without_encryption_where_the_server_wants_that() {
    let ours = Authority::new();
    let mut server = dragline_testkit::server();
    server.encrypt(&ours.sign("some server", &["localhost"]), &ours.pem());
    server.admit("hostnossl all all all scram-sha-256");
    assert_eq!(outcome(&server, "localhost", "sslmode=prefer").await, "plain");
    let text = outcome(&server, "localhost", "sslmode=require").await;
    assert!(text.contains("no pg_hba.conf entry") && text.contains("SSL encryption |"), "{text}");
    server.admit("hostssl all all all scram-sha-256");
    assert_eq!(outcome(&server, "localhost", "sslmode=prefer").await, "encrypted");
    let text = outcome(&server, "localhost", "sslmode=disable").await;
    assert!(text.contains("no pg_hba.conf entry") && text.contains("no encryption |"), "{text}");
}

#[tokio::test]
async fn a_certificate_of_ours_is_shown() {
    let (files, ours, other) = (Files::new(), Authority::new(), Authority::new());
    let ca = files.write("ca.crt", &ours.pem());
    let mut server = dragline_testkit::server();
    server.encrypt(&ours.sign("some server", &["localhost"]), &ours.pem());
    server.admit("hostssl all all all cert");
    let shown = |name: &str, authority: &Authority| {
        let certified = authority.sign("dragline", &[]);
        let certificate = files.write(&format!("{name}.crt"), &certified.certificate);
        let key = files.write(&format!("{name}.key"), &certified.key);
        let parameters = format!("&sslcert={}&sslkey={}", certificate.display(), key.display());
        (asks("verify-full", &ca) + &parameters, key)
    };
    let (right, key) = shown("right", &ours);
    assert_eq!(outcome(&server, "localhost", &right).await, "encrypted");
    let text = outcome(&server, "localhost", &asks("verify-full", &ca)).await;
    assert!(text.contains("valid client certificate"), "{text}");
    let text = outcome(&server, "localhost", &shown("wrong", &other).0).await;
    assert!(text.contains("the server broke the handshake off") && text.contains("sslcert"), "{text}");

    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let refused = dragline_store::open(&url(&server, "localhost", &right), &crate::support::settings());
    let text = told(&refused.err().unwrap());
    assert!(text.contains("others may read it") && text.contains("chmod 600"), "{text}");
}

#[tokio::test]
async fn a_cancel_is_encrypted_as_its_session_is() {
    let ours = Authority::new();
    let mut server = dragline_testkit::server();
    server.encrypt(&ours.sign("some server", &["localhost"]), &ours.pem());
    let (port, begins) = listening_in(server.port());
    let url =
        url(&server, "localhost", "sslmode=require").replace(&server.port().to_string(), &port.to_string());
    let store = store(&url);
    store.connect().await.unwrap();
    store.prepare_items(std::slice::from_ref(&*crate::support::QUOTE)).await.unwrap();
    let run = store.open_run(&crate::support::spec("run", 1)).await.unwrap();
    server.query(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                  $$ BEGIN PERFORM pg_sleep(20); RETURN new; END $$",
    );
    server.query("CREATE TRIGGER slow BEFORE INSERT ON quotes FOR EACH ROW EXECUTE FUNCTION slow()");

    let flushed = {
        let (store, key) = (Arc::clone(&store), run.key);
        tokio::spawn(async move { store.flush(&key, &[crate::support::with_quote(0, "q", 1)]).await })
    };
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    crate::support::until("the flush is under way", || server.query(asleep)[0][0] == "1").await;
    let before = begins.lock().unwrap().len();
    assert_eq!(store.cancel_flushes().await, 1);
    assert!(flushed.await.unwrap().is_err());
    assert_eq!(server.query(asleep)[0][0], "0");
    store.close().await;

    let begins = begins.lock().unwrap();
    assert!(begins.len() > before, "a cancel has a connection of its own");
    // Each connection begins by asking for encryption (PostgreSQL manual, section 55.7: SSLRequest).
    assert!(begins.iter().all(|begin| *begin == [0, 0, 0, 8, 4, 210, 22, 47]), "{begins:?}");
}

type Begins = Arc<Mutex<Vec<[u8; 8]>>>;

/// A port that leads to the server's, and with what each connection over it began. Its threads end with the test.
#[allow(clippy::disallowed_methods)]
fn listening_in(server: u16) -> (u16, Begins) {
    let (listener, begins) = (TcpListener::bind("127.0.0.1:0").unwrap(), Begins::default());
    let (port, heard) = (listener.local_addr().unwrap().port(), Arc::clone(&begins));
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || {
                let (mut begin, mut near) = ([0; 8], near);
                let mut far = TcpStream::connect(("127.0.0.1", server)).unwrap();
                if near.read_exact(&mut begin).is_err() {
                    return;
                }
                heard.lock().unwrap().push(begin);
                far.write_all(&begin).unwrap();
                let (mut back, mut to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
                let answers = std::thread::spawn(move || {
                    let _ = std::io::copy(&mut back, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
                let _ = std::io::copy(&mut near, &mut far);
                let _ = far.shutdown(Shutdown::Write);
                let _ = answers.join();
            });
        }
    });
    (port, begins)
}

#[test]
fn what_contradicts_itself_is_told() {
    let files = Files::new();
    let (ca, nothing) = (files.write("ca.crt", &Authority::new().pem()), files.write("nothing.crt", ""));
    let (ca, nothing) = (ca.display(), nothing.display());
    for (parameters, words) in [
        ("sslmode=sometimes".to_owned(), "sslmode can be disable, prefer (the default), require"),
        ("sslmode=allow".to_owned(), "sslmode can be disable"),
        (format!("sslrootcert={ca}"), "add sslmode=verify-full"),
        (format!("sslmode=disable&sslrootcert={ca}"), "add sslmode=verify-full"),
        ("sslmode=require&sslrootcert=system".to_owned(), "set sslmode=verify-full"),
        ("sslmode=disable&channel_binding=require".to_owned(), "say sslmode=require"),
        ("sslnegotiation=direct".to_owned(), "say sslmode=require"),
        ("sslmode=verify-full&sslrootcert=/nowhere".to_owned(), "/nowhere: entity not found"),
        (format!("sslmode=verify-full&sslrootcert={nothing}"), "there is no certificate in it"),
        (format!("sslmode=require&sslcert={ca}&sslkey=/nowhere"), "/nowhere"),
        (format!("sslmode=require&sslcert={ca}&sslkey={ca}"), "holds no key"),
        ("sslcrl=x".to_owned(), "sslcrl, which Dragline does not support"),
        (
            "channel_binding=perhaps".to_owned(),
            "channel_binding in the store's URL has a value that cannot be",
        ),
    ] {
        let url = format!("postgres://me:hunter2@h/d?{parameters}");
        let text = told(&dragline_store::open(&url, &crate::support::settings()).err().unwrap());
        assert!(text.contains(words), "{parameters}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
