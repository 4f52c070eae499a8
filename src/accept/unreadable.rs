//! The answer to a request that cannot be read: it never reaches a callback, so Pingora answers it itself, with its name
//! in a `Server` field (0.9.1). What goes out instead is a fault like every other.

/// Returns what to send instead of Pingora's own answer, if these bytes begin one.
pub(super) fn instead_of(bytes: &[u8]) -> Option<&'static [u8]> {
    let answers = [
        (&b"HTTP/1.1 400 "[..], BAD_REQUEST),
        (b"HTTP/1.1 405 ", METHOD_NOT_ALLOWED),
    ];
    answers
        .into_iter()
        .find(|(start, _)| bytes.starts_with(start))
        .map(|(_, answer)| answer.as_bytes())
}

const BAD_REQUEST: &str = concat!(
    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 109\r\n",
    "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
    r#"{"code":"400","description":"The request could not be read.","message":"Bad Request","#,
    r#""type":"Status report"}"#,
    "\n",
);

/// For CONNECT, the one method that no backend is asked.
const METHOD_NOT_ALLOWED: &str = concat!(
    "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: 109\r\nAllow:\r\n",
    "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
    r#"{"code":"405","description":"CONNECT is not proxied.","message":"Method Not Allowed","#,
    r#""type":"Status report"}"#,
    "\n",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_says_its_length_and_is_json() {
        for answer in [BAD_REQUEST, METHOD_NOT_ALLOWED] {
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(
                head.contains(&format!("Content-Length: {}\r\n", body.len())),
                "{}",
                body.len()
            );
            assert!(serde_json::from_str::<serde_json::Value>(body).unwrap()["code"].is_string());
            assert!(!head.contains("Server"));
            assert_eq!(instead_of(answer.as_bytes()), Some(answer.as_bytes()));
        }
        assert_eq!(instead_of(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
