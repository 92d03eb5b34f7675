//! One question at the socket of a crawl.

use std::io;
use std::path::Path;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// Bytes of an answer. The metrics of a spider with hundreds of columns have some hundred kilobytes.
pub(super) const MAX_ANSWER: usize = 4 << 20;

/// The body of the answer. The status does not matter, because a crawl that is unwell answers with a 503. The caller has a time limit.
pub(super) async fn ask(socket: &Path, path: &str) -> io::Result<Bytes> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let request = Request::get(path).header(HOST, "localhost").body(Empty::<Bytes>::new());
    let request = request.map_err(io::Error::other)?;
    let asked = async {
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        Limited::new(answer.into_body(), MAX_ANSWER).collect().await.map_err(io::Error::other)
    };
    // The connection ends with this call, so nothing is left open.
    let mut connection = std::pin::pin!(connection);
    let mut asked = std::pin::pin!(asked);
    let body = tokio::select! {
        body = &mut asked => body,
        _ = &mut connection => asked.await,
    };
    Ok(body?.to_bytes())
}
