//! The proxy before a server that sends back what it gets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::*;
use crate::wait_until;

const SOON: Duration = Duration::from_secs(5);

/// A server that sends back what it gets, and ends with the test's process; its port.
fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let converse = |mut stream: TcpStream| {
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..length]).is_err() {
                return;
            }
        }
    };
    let serve = move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            Builder::new().spawn(move || converse(stream)).unwrap();
        }
    };
    Builder::new().spawn(serve).unwrap();
    port
}

fn connect(proxy: &ChaosProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// Whether it still carries bytes there and back.
fn works(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 4];
    stream.write_all(b"ping").is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"ping"
}

#[test]
fn it_passes_refuses_and_resets() {
    let proxy = ChaosProxy::start(echo());
    let mut stream = connect(&proxy);
    assert!(works(&mut stream));
    proxy.set(Link::Refuse);
    assert!(works(&mut stream), "what exists goes on");
    assert!(!works(&mut connect(&proxy)));
    proxy.reset();
    // The cut is made by the connection's own threads, a moment later.
    wait_until("the cut is felt", SOON, || !works(&mut stream));
    proxy.set(Link::Pass);
    assert!(works(&mut connect(&proxy)));
    wait_until("all have ended", SOON, || proxy.open() == 0);
}

#[test]
fn a_reset_is_an_error_and_no_end_of_file() {
    let proxy = ChaosProxy::start(echo());
    let mut stream = connect(&proxy);
    assert!(works(&mut stream));
    proxy.reset();
    assert!(stream.read(&mut [0; 4]).is_err());
}

#[test]
fn a_black_hole_swallows_and_closes_with_what_it_swallowed() {
    let proxy = ChaosProxy::start(echo());
    let (mut silent, mut talking) = (connect(&proxy), connect(&proxy));
    assert!(works(&mut silent) && works(&mut talking));
    proxy.set(Link::Blackhole);
    talking.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(!works(&mut talking));
    let has_swallowed = || proxy.shared.lock().connections.iter().any(ProxyConnection::has_lost_bytes);
    wait_until("it swallows", SOON, has_swallowed);
    proxy.set(Link::Pass);
    assert!(works(&mut silent));
    talking.set_read_timeout(Some(SOON)).unwrap();
    assert!(!works(&mut talking));
}

#[test]
fn a_delay_is_kept_each_way() {
    let proxy = ChaosProxy::start(echo());
    let mut stream = connect(&proxy);
    proxy.set(Link::Delay(Duration::from_millis(50)));
    let asked = Instant::now();
    assert!(works(&mut stream));
    assert!(asked.elapsed() >= Duration::from_millis(100));
}
