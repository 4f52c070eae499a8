//! The backend of the load test: a kilobyte for every request, whatever it asks, and other things at a few paths.
//!
//! It reads what is sent to it to the end before it answers, and echoes WebSocket messages.

use std::io::{Error, Result};
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::Outcome;

/// What every other path is answered with.
pub(crate) const USUAL: usize = 1 << 10;

/// The end of the path of a larger body, and its length.
pub(crate) const LARGE: (&str, usize) = ("/items/large", 100 << 10);

/// The end of the path of a body that no buffer holds, and its length.
pub(crate) const HUGE: (&str, usize) = ("/items/huge", 10 << 20);

/// The end of the path where messages are echoed.
pub(crate) const ECHO: &str = "/items/echo";

/// Serves until the process is ended.
pub(crate) fn serve(address: SocketAddr) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers: &'static Answers = Box::leak(Box::new(Answers::new()));
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer(stream, answers));
        }
    })
}

/// What is answered, written beforehand.
struct Answers {
    usual: Vec<u8>,
    large: Vec<u8>,
    huge: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let response = |length: usize| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n");
            format!("{head}Cache-Control: max-age=3600\r\n\r\n{}", "x".repeat(length)).into_bytes()
        };
        Self {
            usual: response(USUAL),
            large: response(LARGE.1),
            huge: response(HUGE.1),
        }
    }

    fn to(&self, line: &[u8]) -> &[u8] {
        if memmem::find(line, LARGE.0.as_bytes()).is_some() {
            &self.large
        } else if memmem::find(line, HUGE.0.as_bytes()).is_some() {
            &self.huge
        } else {
            &self.usual
        }
    }
}

async fn answer(mut stream: TcpStream, answers: &Answers) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(64 << 10);
    loop {
        let head = loop {
            if let Some(end) = memmem::find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let line = buffer.split(|&byte| byte == b'\r').next().unwrap_or_default().to_vec();
        if memmem::find(&line, ECHO.as_bytes()).is_some() {
            return echo(stream, &buffer[..head]).await;
        }
        if !line.starts_with(b"GET ") {
            take_body(&mut stream, &mut buffer, head).await?;
        }
        buffer.clear();
        stream.write_all(answers.to(&line)).await?;
    }
}

/// Reads a body, whose beginning may be in the buffer after the head, and forgets it; returns its length.
pub(crate) async fn take_body(stream: &mut TcpStream, buffer: &mut Vec<u8>, head: usize) -> Result<usize> {
    let length = value(&buffer[..head], "content-length").and_then(|length| length.parse::<usize>().ok());
    let length = length.ok_or_else(|| Error::other("a body without a length"))?;
    let mut left = length - (buffer.len() - head);
    while left > 0 {
        buffer.clear();
        match stream.read_buf(buffer).await? {
            0 => return Err(Error::other("half a body")),
            read => left -= read,
        }
    }
    Ok(length)
}

/// Agrees to speak WebSocket, and sends back each message.
pub(crate) async fn echo(mut stream: TcpStream, head: &[u8]) -> Result<()> {
    let asks = |name, word| value(head, name).is_some_and(|value| value.to_ascii_lowercase().contains(word));
    let key =
        value(head, "sec-websocket-key").filter(|_| asks("connection", "upgrade") && asks("upgrade", "websocket"));
    let key = key.ok_or_else(|| Error::other("no WebSocket"))?;
    let accept = derive_accept_key(key.as_bytes());
    let switch = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: \
         {accept}\r\n\r\n"
    );
    stream.write_all(switch.as_bytes()).await?;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            socket.send(message).await.map_err(Error::other)?;
        }
    }
    Ok(())
}

fn value(head: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
}
