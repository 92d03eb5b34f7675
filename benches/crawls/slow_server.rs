//! Slow hosts that record when requests arrive: 200 loopback addresses behind one port, each with 50 small pages.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

pub(crate) const HOSTS: usize = 200;
/// The number of pages of a host. The first page links to the others.
pub(crate) const PAGES_PER_HOST: usize = 50;
/// The delay before every answer, including that for robots.txt.
pub(crate) const DELAY: Duration = Duration::from_millis(300);

/// The address of a host.
pub(crate) fn host(number: usize) -> Ipv4Addr {
    let last = u8::try_from(number % 250).unwrap_or_default() + 1;
    Ipv4Addr::new(127, 9, u8::try_from(number / 250).unwrap_or_default(), last)
}

/// The times at which each host received requests.
type Arrivals = Rc<RefCell<BTreeMap<IpAddr, Vec<Instant>>>>;

/// Serves until standard input ends, with this delay. Prints the port at the start. At the end, it prints a line for each
/// host, with its address and the microseconds between its requests.
pub(crate) fn run(delay: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))).expect("a port");
    println!("{}", listener.local_addr().map_or(0, |address: SocketAddr| address.port()));
    let end = runtime.spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let arrivals = Arrivals::default();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::select! {
            _ = end => {}
            () = accept(listener, delay, &arrivals) => {}
        }
    });
    for (host, moments) in arrivals.borrow().iter() {
        let gaps: Vec<String> =
            moments.windows(2).map(|pair| (pair[1] - pair[0]).as_micros().to_string()).collect();
        println!("{host} {}", gaps.join(" "));
    }
}

async fn accept(listener: TcpListener, delay: Duration, arrivals: &Arrivals) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            drop(stream.set_nodelay(true));
            tokio::task::spawn_local(answer(stream, delay, Rc::clone(arrivals)));
        }
    }
}

/// Answers the requests of one connection in order.
async fn answer(stream: TcpStream, delay: Duration, arrivals: Arrivals) {
    let Ok(host) = stream.local_addr().map(|address| address.ip()) else { return };
    let mut received = Vec::new();
    loop {
        let Some(end) = received.windows(4).position(|end| end == b"\r\n\r\n") else {
            let mut piece = [0; 2048];
            if stream.readable().await.is_err() {
                return;
            }
            match stream.try_read(&mut piece) {
                Ok(0) => return,
                Ok(read) => received.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            continue;
        };
        let request = String::from_utf8_lossy(&received[..end]).into_owned();
        received.drain(..end + 4);
        arrivals.borrow_mut().entry(host).or_default().push(Instant::now());
        sleep(delay).await;
        let path = request.split(' ').nth(1).unwrap_or_default();
        let mut answer = page(path);
        while !answer.is_empty() {
            if stream.writable().await.is_err() {
                return;
            }
            match stream.try_write(&answer) {
                Ok(written) => drop(answer.drain(..written)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}

fn page(path: &str) -> Vec<u8> {
    let (status, body) = match path.strip_prefix('/') {
        Some("") => {
            let links: String =
                (1..PAGES_PER_HOST).map(|page| format!("<a href=\"/{page}\">{page}</a> ")).collect();
            ("200 OK", format!("<title>All</title><h1>All pages</h1><p>{links}"))
        }
        Some(number) if number.parse::<usize>().is_ok() => {
            let words = "Nothing happens quickly here. ".repeat(20);
            (
                "200 OK",
                format!("<title>{number}</title><h1>Page {number}</h1><p>{words}<a href=\"/\">all</a>"),
            )
        }
        _ => ("404 Not Found", String::new()),
    };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}
