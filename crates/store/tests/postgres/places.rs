//! Servers are found as libpq finds them: over sockets, from several hosts, with passwords out of a file.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use dragline_testkit::OwnServer;

use crate::setup::told;
use crate::support::store;

async fn connect(url: &str) -> Result<(), String> {
    let store = store(url);
    let connected = store.connect().await;
    store.close().await;
    connected.map_err(|error| told(&error))
}

fn socket(server: &OwnServer) -> String {
    server.socket_folder().display().to_string()
}

#[tokio::test]
async fn a_socket_is_a_place() {
    let server = dragline_testkit::server();
    let (folder, port) = (socket(&server), server.port());
    let escaped = folder.replace('/', "%2F");
    for url in [
        format!("postgres:///postgres?host={folder}&port={port}&user=dragline"),
        format!("postgres://dragline@{escaped}:{port}/postgres"),
        format!("host={folder} port={port} user=dragline dbname=postgres"),
        // Nothing is encrypted on a socket, and nobody minds.
        format!("postgres://dragline@{escaped}:{port}/postgres?sslmode=verify-full"),
    ] {
        connect(&url).await.unwrap();
    }
    let text = connect(&format!("postgres://dragline@{escaped}:9/postgres")).await.unwrap_err();
    assert!(text.contains(&format!("postgres://dragline@/postgres?host={folder}&port=9")), "{text}");
}

#[tokio::test]
async fn the_next_host_is_tried() {
    let (server, folder) = (dragline_testkit::server(), tempfile::tempdir().unwrap());
    let (port, rest) = (server.port(), "postgres?user=dragline&password=well-kept");
    connect(&format!("postgres://127.0.0.1:9,localhost:{port}/{rest}")).await.unwrap();
    connect(&format!("postgres://127.0.0.1:9,localhost:{port}/{rest}&load_balance_hosts=random"))
        .await
        .unwrap();
    let nowhere = folder.path().display();
    connect(&format!(
        "host={nowhere},localhost port=9,{port} user=dragline password=well-kept dbname=postgres"
    ))
    .await
    .unwrap();
}

#[tokio::test]
async fn a_password_is_found_in_its_file() {
    let (server, folder) = (dragline_testkit::server(), tempfile::tempdir().unwrap());
    let (port, file) = (server.port(), folder.path().join("pgpass"));
    std::fs::write(&file, format!("127.0.0.1:{port}:*:dragline:well-kept\n*:*:*:other:hunter2\n")).unwrap();
    let url = |user: &str| format!("postgres://{user}@127.0.0.1:{port}/postgres?passfile={}", file.display());

    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    connect(&url("dragline")).await.unwrap();
    let text = connect(&url("other")).await.unwrap_err();
    assert!(text.contains(&format!("the password comes from {}", file.display())), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let text = connect(&url("dragline")).await.unwrap_err();
    assert!(text.contains("password missing") && text.contains("PGPASSWORD or in ~/.pgpass"), "{text}");
}
