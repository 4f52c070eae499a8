//! The process's own log, on standard error.
//!
//! Ours comes from `tracing`. Pingora's comes from `log` and is let through from warnings up, unless the filter asks
//! for more; but what it calls an error is often only a client that went away, and a client must not be able to fill
//! a disk. Those lines are made debug lines here: the access log and the metrics have them.

use std::io::{self, IsTerminal};

use log::{LevelFilter, Log, Metadata, Record};
use thiserror::Error;
use tracing::subscriber::set_global_default;
use tracing_log::LogTracer;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, ParseError};
use tracing_subscriber::fmt;

use crate::settings::{self, LogFormat};

/// Why the log was not set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter of the settings is none.
    #[error("`log.filter` is not a filter: {0}")]
    Filter(#[from] ParseError),
    /// Somebody set up a log before.
    #[error("the log is set up already")]
    Taken,
}

/// Sets up the log of the process; to be called once.
///
/// # Errors
///
/// Returns an error for a filter that is none, and for a second call.
pub fn start(settings: &settings::Log) -> Result<(), LogError> {
    let filter = filter(&settings.filter)?;
    let bridge = Bridge {
        tracer: LogTracer::new(),
    };
    log::set_boxed_logger(Box::new(bridge)).map_err(|_| LogError::Taken)?;
    log::set_max_level(foreign_level(&settings.filter, &filter));
    let subscriber = fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let set = match settings.format {
        LogFormat::Json => set_global_default(subscriber.json().flatten_event(true).with_current_span(false).finish()),
        LogFormat::Text => set_global_default(subscriber.finish()),
    };
    set.map_err(|_| LogError::Taken)
}

/// Says whether a filter can be used, for whoever believes the settings.
///
/// # Errors
///
/// Returns why it cannot.
pub fn examine(filter: &str) -> Result<(), LogError> {
    EnvFilter::try_new(filter)?;
    Ok(())
}

fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    let mut filter = EnvFilter::try_new(text)?;
    if !asks_for_pingora(text) {
        for target in PINGORA {
            let directive: Directive = format!("{target}=warn").parse()?;
            filter = filter.add_directive(directive);
        }
    }
    Ok(filter)
}

/// How much of other crates' `log` lines is looked at at all.
///
/// Pingora writes several debug lines for each request; below this level they cost one comparison.
fn foreign_level(text: &str, filter: &EnvFilter) -> LevelFilter {
    if !asks_for_pingora(text) {
        return LevelFilter::Warn;
    }
    let hint = filter.max_level_hint().and_then(|level| level.into_level());
    match hint {
        Some(tracing::Level::ERROR) => LevelFilter::Error,
        Some(tracing::Level::WARN) => LevelFilter::Warn,
        Some(tracing::Level::INFO) => LevelFilter::Info,
        Some(tracing::Level::DEBUG) => LevelFilter::Debug,
        Some(tracing::Level::TRACE) | None => LevelFilter::Trace,
    }
}

fn asks_for_pingora(filter: &str) -> bool {
    filter.contains("pingora")
}

const PINGORA: [&str; 4] = ["pingora", "pingora_core", "pingora_pool", "pingora_proxy"];

/// Where one client or one endpoint can cause any number of lines, and where what is planned is called an error: the
/// sockets of a hand-over are waited for.
const NOISY: [&str; 5] = [
    "pingora_core::apps",
    "pingora_core::connectors",
    "pingora_core::protocols",
    "pingora_core::server::transfer_fd",
    "pingora_proxy",
];

/// Brings `log` lines to `tracing`.
struct Bridge {
    tracer: LogTracer,
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.tracer.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !is_noisy(record.target()) || record.level() > log::Level::Warn {
            self.tracer.log(record);
            return;
        }
        let mut quiet = Record::builder();
        quiet
            .level(log::Level::Debug)
            .target(record.target())
            .module_path(record.module_path())
            .file(record.file())
            .line(record.line());
        self.tracer.log(&quiet.args(*record.args()).build());
    }

    fn flush(&self) {}
}

fn is_noisy(target: &str) -> bool {
    NOISY.iter().any(|noisy| target.starts_with(noisy))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::subscriber::with_default;

    use super::*;

    #[test]
    fn a_filter_that_is_none_is_refused() {
        assert!(examine("tollgate=debug,warn").is_ok());
        assert!(examine("tollgate=loud").is_err());
    }

    #[test]
    fn pingora_is_quiet_unless_it_is_asked_for() {
        assert!(filter("debug").unwrap().to_string().contains("pingora_proxy=warn"));
        assert_eq!(foreign_level("debug", &filter("debug").unwrap()), LevelFilter::Warn);
        let asked = "info,pingora_proxy=debug";
        assert!(!filter(asked).unwrap().to_string().contains("pingora_core=warn"));
        assert_eq!(foreign_level(asked, &filter(asked).unwrap()), LevelFilter::Debug);
    }

    #[test]
    fn what_clients_cause_is_told_apart_from_what_the_process_suffers() {
        assert!(is_noisy("pingora_proxy"));
        assert!(is_noisy("pingora_core::protocols::tls::rustls::server"));
        assert!(
            !is_noisy("pingora_core::services::listening"),
            "a failing accept is the operator's to know"
        );
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(asked: &str, target: &str) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = fmt()
            .with_env_filter(filter(asked).unwrap())
            .with_writer(move || writer.clone())
            .json();
        let line = format_args!("Fail to proxy: the client went away");
        let record = Record::builder()
            .level(log::Level::Error)
            .target(target)
            .args(line)
            .build();
        with_default(subscriber.finish(), || {
            Bridge {
                tracer: LogTracer::new(),
            }
            .log(&record)
        });
        let text = written.0.lock().clone();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_client_that_goes_away_writes_a_line_only_where_somebody_looks_for_it() {
        assert_eq!(written("info", "pingora_proxy"), "");
        let looked_for = written("info,pingora_proxy=debug", "pingora_proxy");
        assert!(
            looked_for.contains(r#""level":"DEBUG""#) && looked_for.contains("pingora_proxy"),
            "{looked_for}"
        );
        let suffered = written("info", "pingora_core::services::listening");
        assert!(suffered.contains(r#""level":"ERROR""#), "{suffered}");
    }
}
