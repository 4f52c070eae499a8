//! `/`: the console, served from the binary. Its pages know only the admin API.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page, asked for again each time (`no-cache`, with an `ETag`) |
//! | `GET /assets/{digest}/{file}` | a style, a script or an icon; what is under a digest never changes (`immutable`) |
//!
//! The digest is that of all files together, so scripts import each other by relative paths. A page loads nothing from
//! elsewhere, runs no script that stands in it, and is framed by nobody.

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY};
use http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use include_dir::{Dir, File, include_dir};

use super::problem::Problem;

/// Routes the console.
pub fn router() -> Router {
    Router::new()
        .route("/", get(page))
        .route("/assets/{digest}/{*file}", get(asset))
        .with_state(Arc::new(Console::new()))
}

/// The page and the digest of everything that it loads.
struct Console {
    page: String,
    digest: String,
}

impl Console {
    fn new() -> Self {
        let mut files = Vec::new();
        collect(&FILES, &mut files);
        files.sort_by_key(|file| file.path());
        let mut context = Context::new(&SHA256);
        for file in files {
            context.update(file.path().as_os_str().as_encoded_bytes());
            context.update(&[0]);
            context.update(&(file.contents().len() as u64).to_be_bytes());
            context.update(file.contents());
        }
        let mut digest = String::new();
        for byte in context.finish().as_ref().iter().take(12) {
            _ = write!(digest, "{byte:02x}");
        }
        let page = FILES.get_file(PAGE).and_then(File::contents_utf8).unwrap_or_default();
        Self {
            page: page.replace(ASSETS, &format!("/assets/{digest}")),
            digest,
        }
    }
}

fn collect(directory: &'static Dir<'static>, files: &mut Vec<&'static File<'static>>) {
    files.extend(directory.files());
    for inner in directory.dirs() {
        collect(inner, files);
    }
}

async fn page(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", console.digest);
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let is_known = known
        .filter_map(|field| field.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        console.page.clone().into_response()
    };
    set(&mut response, &[(ETAG, &tag), (CACHE_CONTROL, "no-cache")]);
    set(&mut response, &protection());
    if !is_known {
        set(&mut response, &[(CONTENT_TYPE, "text/html; charset=utf-8")]);
    }
    response
}

async fn asset(State(console): State<Arc<Console>>, Path((digest, file)): Path<(String, String)>) -> Response {
    let found = FILES
        .get_file(&file)
        .filter(|_| digest == console.digest && file != PAGE);
    let kind = file.rsplit_once('.').and_then(|(_, ending)| kind(ending));
    let (Some(found), Some(kind)) = (found, kind) else {
        return Problem::missing("there is no such file; load the page again").into_response();
    };
    let mut response = found.contents().into_response();
    let kept = "public, max-age=31536000, immutable";
    set(&mut response, &[(CONTENT_TYPE, kind), (CACHE_CONTROL, kept)]);
    set(&mut response, &protection());
    response
}

fn kind(ending: &str) -> Option<&'static str> {
    match ending {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

fn set(response: &mut Response, fields: &[(HeaderName, &str)]) {
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// Returns what keeps the page to itself.
fn protection() -> [(HeaderName, &'static str); 7] {
    [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ]
}

/// Everything is from here, and no script or style stands in a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/console");

const PAGE: &str = "index.html";

/// What stands in the page for where its files are.
const ASSETS: &str = "{assets}";

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::get(path);
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let answer = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_page_is_asked_for_each_time_and_sent_once() {
        let (status, headers, page) = ask("/", None).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[CACHE_CONTROL], "no-cache");
        assert!(
            headers[CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'; script-src 'self';")
        );
        assert!(page.contains("<title>"));
        let (status, headers, page) = ask("/", headers[ETAG].to_str().ok()).await;
        assert_eq!(status, StatusCode::NOT_MODIFIED);
        assert!(headers.contains_key(ETAG) && page.is_empty());
    }

    #[tokio::test]
    async fn whatever_the_page_names_is_there_and_kept() {
        let (_, _, page) = ask("/", None).await;
        let named: Vec<_> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
        assert!(named.len() > 2, "{page}");
        for path in named {
            let (status, headers, body) = ask(path, None).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(headers[CACHE_CONTROL].to_str().unwrap().ends_with("immutable"));
            assert!(!body.is_empty());
        }
    }

    #[tokio::test]
    async fn scripts_import_what_is_there() {
        let console = Console::new();
        let mut files = Vec::new();
        collect(&FILES, &mut files);
        let scripts = files
            .iter()
            .filter(|file| file.path().extension().is_some_and(|ending| ending == "js"));
        for script in scripts {
            let folder = script.path().parent().unwrap();
            let text = script.contents_utf8().unwrap();
            for line in text
                .lines()
                .filter(|line| line.starts_with("import ") || line.starts_with("} from "))
            {
                let Some(named) = line.rsplit('"').nth(1) else { continue };
                let path = named.strip_prefix("../").map_or_else(
                    || folder.join(named.trim_start_matches("./")),
                    |named| folder.parent().unwrap().join(named),
                );
                let path = format!("/assets/{}/{}", console.digest, path.display());
                let (status, ..) = ask(&path, None).await;
                assert_eq!(status, StatusCode::OK, "{} imports {named}", script.path().display());
            }
        }
    }

    #[tokio::test]
    async fn other_digests_files_and_the_bare_page_are_not_there() {
        let digest = Console::new().digest;
        for path in [
            "/assets/000000000000000000000000/main.js".to_owned(),
            format!("/assets/{digest}/index.html"),
            format!("/assets/{digest}/none.js"),
            format!("/assets/{digest}/../main.js"),
        ] {
            let (status, headers, _) = ask(&path, None).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(headers[CACHE_CONTROL], "no-store");
        }
    }
}
