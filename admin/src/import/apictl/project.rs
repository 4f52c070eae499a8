//! Where the parts of a project are: the API, its definition, certificates, and everything that is left.

use std::borrow::Cow;

use crate::import::archive::Files;
use crate::import::blame;
use crate::import::endpoint::several;
use crate::import::note::Notes;
use crate::model::document::{SecurityName, Version};
use crate::model::violation::Violation;

/// The files of a project, and the one that says what the API is.
pub(super) struct Project<'f> {
    files: &'f Files,
    /// The folder of the project inside the files, with the slash at its end.
    root: String,
    /// Where the API is described.
    pub(super) file: String,
    pub(super) text: &'f str,
}

impl<'f> Project<'f> {
    /// Finds the project: the API that is nearest to the top.
    pub(super) fn find(files: &'f Files) -> Result<Self, Violation> {
        let mut found: Option<(usize, String, &str)> = None;
        for file in files.keys() {
            let Some((root, name)) = API.iter().find_map(|name| Some((file.strip_suffix(name)?, *name))) else {
                continue;
            };
            let depth = root.matches('/').count();
            let is_nearer = found.as_ref().is_none_or(|(other, ..)| depth < *other);
            if is_nearer && (root.is_empty() || root.ends_with('/')) {
                found = Some((depth, root.to_owned(), name));
            }
        }
        let Some((_, root, name)) = found else {
            let message = "there is no `api.yaml`, as an apictl project has it";
            return Err(blame("", "", message).fix("name the folder that `apictl` made of an API, or its zip"));
        };
        let file = format!("{root}{name}");
        if name.starts_with("api_product") {
            let message = "a product of several APIs cannot be taken over";
            return Err(blame(&file, "", message).fix("import each API in its folder `APIs`"));
        }
        let text = text(files, &file)?;
        Ok(Self {
            files,
            root,
            file,
            text,
        })
    }

    /// Returns the name and the text of the project's OpenAPI document, if it has one.
    pub(super) fn definition(&self) -> Result<Option<(String, &'f str)>, Violation> {
        for name in DEFINITIONS {
            let file = format!("{}{name}", self.root);
            if self.files.contains_key(&file) {
                let text = text(self.files, &file)?;
                return Ok(Some((file, text)));
            }
        }
        Ok(None)
    }

    /// Takes the client certificates, where the version takes any. Without one, callers who may show a certificate or
    /// something else must show that; where they must show one, the catalog refuses the version until it has some.
    pub(super) fn certificates(&self, version: &mut Version, notes: &mut Notes) {
        let has = |word| version.security.contains(&word);
        if !has(SecurityName::MutualTls) && !has(SecurityName::MutualTlsMandatory) {
            return;
        }
        let mut texts = Vec::new();
        for (file, bytes) in self.files.iter().filter(|(file, _)| self.below(file, CLIENTS)) {
            if file.ends_with(".yaml") || file.ends_with(".json") {
                notes.turn_to(file);
                notes.add("", "certificates have no alias and no tier of their own");
                continue;
            }
            match std::str::from_utf8(bytes)
                .ok()
                .filter(|text| text.trim_start().starts_with(PEM))
            {
                Some(text) => texts.push(text.trim().to_owned()),
                None => {
                    notes.turn_to(file);
                    notes.add("", "is not a certificate in PEM, and is left out");
                }
            }
        }
        notes.turn_to(&self.file);
        let is_alone = version.security.iter().all(|word| *word == SecurityName::MutualTls);
        if texts.is_empty() && version.security.contains(&SecurityName::MutualTls) && !is_alone {
            version
                .security
                .retain(|word| !matches!(word, SecurityName::MutualTls | SecurityName::Oauth2BasicApiKeyMandatory));
            notes.add(
                "",
                "the project has no client certificates, so callers prove themselves by something else",
            );
        }
        version.client_certificates = several(texts);
    }

    /// Notes every file that says something more.
    pub(super) fn leave(&self, notes: &mut Notes) {
        for file in self.files.keys() {
            let inside = file.strip_prefix(&self.root);
            let inside = inside.map_or(Cow::Owned(format!("../{file}")), Cow::Borrowed);
            let is_read = *file == self.file || DEFINITIONS.contains(&&*inside) || self.below(file, CLIENTS);
            if is_read || IDLE.contains(&&*inside) {
                continue;
            }
            let why = LEFT.iter().find(|(folder, _)| inside.starts_with(folder));
            notes.turn_to(file);
            notes.add(
                "",
                why.map_or(
                    "nothing is known of this file, and nothing of it is taken over",
                    |(_, why)| *why,
                ),
            );
        }
    }

    fn below(&self, file: &str, folders: [&str; 2]) -> bool {
        let inside = file.strip_prefix(&self.root);
        inside.is_some_and(|inside| folders.iter().any(|folder| inside.starts_with(folder)))
    }
}

fn text<'f>(files: &'f Files, file: &str) -> Result<&'f str, Violation> {
    let bytes = files.get(file).map(Vec::as_slice).unwrap_or_default();
    std::str::from_utf8(bytes).map_err(|_| blame(file, "", "not valid UTF-8").fix("save the file as UTF-8"))
}

/// What describes the API, the API of a project before release 4, or the product.
const API: [&str; 6] = [
    "Meta-information/api.yaml",
    "Meta-information/api.json",
    "api.yaml",
    "api.json",
    "api_product.yaml",
    "api_product.json",
];

const DEFINITIONS: [&str; 4] = [
    "Definitions/swagger.yaml",
    "Definitions/swagger.json",
    "Meta-information/swagger.yaml",
    "Meta-information/swagger.json",
];

const CLIENTS: [&str; 2] = ["Client-certificates/", "Meta-information/client-certificates"];

/// What says how `apictl` deploys, and nothing of the API.
const IDLE: [&str; 3] = ["api_meta.yaml", "deployment_environments.yaml", ".gitkeep"];

const LEFT: &[(&str, &str)] = &[
    ("Docs/", "what people read about an API is not kept"),
    ("Image/", "what people read about an API is not kept"),
    ("README", "what people read about an API is not kept"),
    (
        "Endpoint-certificates/",
        "state what endpoints show as `[versions.endpoints.tls]`; the system's authorities are trusted",
    ),
    ("Policies/", POLICY),
    ("Sequences/", POLICY),
    ("SOAPToREST/", POLICY),
    (
        "api_params",
        "endpoints of other environments are stated with `--endpoint`",
    ),
];

const POLICY: &str = "policies that change requests and responses are not taken over: calls pass without them";
const PEM: &str = "-----BEGIN CERTIFICATE-----";
