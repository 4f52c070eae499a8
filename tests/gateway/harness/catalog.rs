//! Catalog files in few words: an API with its versions, written as the TOML that an operator would write.

use std::fmt::Write as _;

use super::origin::Origin;

/// An API to be written to a file of its own.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    name: String,
    head: String,
    versions: Vec<Version>,
}

/// One version of it.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    label: String,
    state: String,
    lines: String,
    endpoints: String,
    /// Tables below `versions`, after its own keys.
    tables: String,
    resources: String,
}

/// Begins an API with a name and a context.
pub(crate) fn api(name: &str, context: &str) -> Api {
    let head = format!("name = \"{name}\"\ncontext = \"{context}\"\n");
    Api {
        name: name.into(),
        head,
        versions: Vec::new(),
    }
}

/// Begins a version that is published, asks for no credential, and takes every method on every path.
pub(crate) fn version(label: &str) -> Version {
    let state = "published".into();
    Version {
        label: label.into(),
        state,
        lines: String::new(),
        endpoints: String::new(),
        tables: String::new(),
        resources: String::new(),
    }
}

impl Api {
    /// Adds a line at the top of the file.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.head.push_str(line);
        self.head.push('\n');
        self
    }

    pub(crate) fn tenant(self, domain: &str) -> Self {
        self.line(&format!("tenant = \"{domain}\""))
    }

    /// States which versions answer where none is named, the preferred one first.
    pub(crate) fn default_version(self, labels: &[&str]) -> Self {
        self.line(&format!("default_version = {labels:?}"))
    }

    pub(crate) fn version(mut self, version: Version) -> Self {
        self.versions.push(version);
        self
    }

    pub(crate) fn file(&self) -> String {
        format!("apis/{}.toml", self.name.to_lowercase())
    }

    pub(crate) fn toml(&self) -> String {
        let mut text = self.head.clone();
        for version in &self.versions {
            version.write(&mut text);
        }
        text
    }
}

impl Version {
    /// Sends its production traffic to an origin.
    pub(crate) fn to(self, origin: &Origin) -> Self {
        self.production(&[&origin.url()])
    }

    /// Sends its production traffic to these URLs.
    pub(crate) fn production(self, urls: &[&str]) -> Self {
        self.endpoints(&format!("production = {urls:?}"))
    }

    /// Adds a line to `[versions.endpoints]`.
    pub(crate) fn endpoints(mut self, line: &str) -> Self {
        self.endpoints.push_str(line);
        self.endpoints.push('\n');
        self
    }

    /// Speaks only HTTP/2 to the endpoints.
    pub(crate) fn over_http2(self) -> Self {
        self.endpoints("protocol = \"http2\"")
    }

    /// Bounds one part of a call: `connect`, `read` or `total`.
    pub(crate) fn within(self, part: &str, time: &str) -> Self {
        match part {
            "total" => self.endpoints(&format!("timeout = \"{time}\"")),
            part => self.endpoints(&format!("{part}_timeout = \"{time}\"")),
        }
    }

    /// Chooses among the endpoints in another way than in turn.
    pub(crate) fn balance(self, name: &str) -> Self {
        self.endpoints(&format!("balance = \"{name}\""))
    }

    /// Sets an endpoint aside after so many failures in a row.
    pub(crate) fn suspend(self, failures: u32, time: &str) -> Self {
        self.table(
            "endpoints.health",
            &format!("max_failures = {failures}\nsuspend = \"{time}\""),
        )
    }

    /// Asks the endpoints for `/health` all the time, and believes each answer at once.
    pub(crate) fn probe(self) -> Self {
        let lines = "path = \"/health\"\ninterval = \"50ms\"\ntimeout = \"1s\"\nhealthy_after = 1\nunhealthy_after = 1";
        self.table("endpoints.health", lines)
    }

    /// States how an endpoint's TLS is checked and what is shown to it.
    pub(crate) fn tls(self, lines: &str) -> Self {
        self.table("endpoints.tls", lines)
    }

    /// Adds a table below the version, such as `[versions.endpoints.health]`.
    pub(crate) fn table(mut self, name: &str, lines: &str) -> Self {
        _ = write!(self.tables, "\n[versions.{name}]\n{lines}\n");
        self
    }

    pub(crate) fn state(mut self, state: &str) -> Self {
        self.state = state.into();
        self
    }

    /// Adds a line to the version itself.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.lines.push_str(line);
        self.lines.push('\n');
        self
    }

    /// Declares a resource that asks for no credential; the first one replaces "everything".
    pub(crate) fn resource(self, methods: &[&str], path: &str) -> Self {
        self.asking("none", methods, path)
    }

    /// Declares a resource that demands a credential of this kind.
    pub(crate) fn asking(mut self, auth: &str, methods: &[&str], path: &str) -> Self {
        _ = write!(
            self.resources,
            "\n[[versions.resources]]\npath = \"{path}\"\nmethods = {methods:?}\nauth = \"{auth}\"\n"
        );
        self
    }

    /// Adds a line to the resource that was declared last.
    pub(crate) fn resource_line(mut self, line: &str) -> Self {
        self.resources.push_str(line);
        self.resources.push('\n');
        self
    }

    fn write(&self, text: &mut String) {
        let Self {
            label,
            state,
            lines,
            endpoints,
            tables,
            resources,
        } = self;
        _ = write!(
            text,
            "\n[[versions]]\nversion = \"{label}\"\nstate = \"{state}\"\n{lines}"
        );
        _ = write!(text, "\n[versions.endpoints]\n{endpoints}{tables}");
        if resources.is_empty() {
            let all = ["GET", "POST", "PUT", "PATCH", "DELETE"];
            text.push_str(&version(label).resource(&all, "/*").resources);
        } else {
            text.push_str(resources);
        }
    }
}
