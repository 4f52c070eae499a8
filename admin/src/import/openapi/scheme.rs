//! What proves a caller, as a document says it: its security schemes, and what its operations ask of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::import::note::Notes;
use crate::import::resources::{Scopes, scope_keys};
use crate::import::tree::{Item, Table, texts};
use crate::import::version::own_field;
use crate::import::words;
use crate::model::document::SecurityName;
use crate::model::security::credential_field;

/// What one scheme proves a caller by.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Proof {
    /// An API key, in the field or the parameter of this name.
    ApiKey(String),
    Certificate,
    Password,
    Token,
}

impl Proof {
    /// Returns the field that an API key stands in, where it is not the usual one.
    pub(super) fn field(&self) -> Option<String> {
        match self {
            Self::ApiKey(name) => own_field(Some(name.clone()), "apikey"),
            Self::Certificate | Self::Password | Self::Token => None,
        }
    }

    fn word(&self) -> SecurityName {
        match self {
            Self::ApiKey(_) => SecurityName::ApiKey,
            Self::Certificate => SecurityName::MutualTls,
            Self::Password => SecurityName::Basic,
            Self::Token => SecurityName::Oauth2,
        }
    }
}

/// The schemes of a document that a gateway can check, by their names.
#[derive(Debug, Default)]
pub(super) struct Schemes(BTreeMap<String, Proof>);

impl Schemes {
    /// Takes the schemes of a document, and the scopes that they describe.
    pub(super) fn take(root: &mut Table, scopes: &mut Scopes, notes: &mut Notes) -> Self {
        let mut schemes = BTreeMap::new();
        let old = root.table("securityDefinitions", notes);
        let new = root.table("components", notes).and_then(|mut components| {
            let schemes = components.table("securitySchemes", notes);
            root.map.insert("components".to_owned(), Value::Object(components.map));
            schemes
        });
        for (name, item) in old.into_iter().chain(new).flat_map(Table::items) {
            if let Some(table) = item.table(notes) {
                let proof = scheme(table, scopes, notes);
                schemes.extend(proof.map(|proof| (name, proof)));
            }
        }
        older_scopes(root, scopes, notes);
        Self(schemes)
    }

    /// Reads what a list of requirements asks for; each of them is enough.
    pub(super) fn demand(&self, list: Item, notes: &mut Notes) -> Asked {
        let at = list.at.clone();
        let mut asked = Asked::default();
        let requirements = list.elements();
        if requirements.is_empty() {
            asked.is_open = true;
            return asked;
        }
        if requirements.len() > MOST {
            notes.add(
                &at,
                format!("what is asked for beyond {MOST} ways is left out: those callers are refused"),
            );
        }
        for item in requirements.into_iter().take(MOST) {
            let Some(requirement) = item.table(notes) else { continue };
            if requirement.map.is_empty() {
                notes.add(&at, "callers may do without a credential there; here one is asked for");
                continue;
            }
            self.require(requirement, &mut asked, notes);
        }
        asked.scopes = scope_keys(std::mem::take(&mut asked.scopes), &at, notes);
        asked
    }

    /// Reads one requirement, all of whose schemes are asked for.
    fn require(&self, requirement: Table, asked: &mut Asked, notes: &mut Notes) {
        let at = requirement.at.clone();
        let mut proofs = BTreeSet::new();
        for (name, item) in requirement.items().take(MOST) {
            let Some(proof) = self.0.get(&name) else {
                notes.add(
                    &item.at,
                    "a gateway cannot check this scheme; a token is asked for where there is no other",
                );
                continue;
            };
            let scopes = texts(item, notes);
            if scopes.len() > 1 && name != "default" {
                notes.add(
                    &at,
                    "all of these scopes are asked for there; here any one of them is enough",
                );
            }
            asked.scopes.extend(scopes);
            proofs.insert(proof.clone());
        }
        let of_application = proofs.iter().filter(|proof| **proof != Proof::Certificate).count();
        if of_application > 1 {
            notes.add(
                &at,
                "all of these credentials are asked for there; here one is enough, the strongest of them",
            );
            let strongest = proofs
                .iter()
                .filter(|proof| **proof != Proof::Certificate)
                .max()
                .cloned();
            proofs.retain(|proof| *proof == Proof::Certificate || Some(proof) == strongest.as_ref());
        }
        if proofs.contains(&Proof::Certificate) && proofs.len() > 1 {
            asked.demands_both = true;
        }
        asked.proofs.extend(proofs);
    }
}

/// What an operation asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) is_open: bool,
    pub(super) proofs: BTreeSet<Proof>,
    pub(super) scopes: Vec<String>,
    demands_both: bool,
}

/// What all operations of a version ask for: the words of its security, and what they were made of.
#[derive(Debug, Default)]
pub(super) struct Demand {
    pub(super) words: Vec<SecurityName>,
    pub(super) proofs: BTreeSet<Proof>,
    is_stated: bool,
    demands_both: bool,
    /// What the first operation asks for, and whether another one asks for something else.
    first: Option<BTreeSet<Proof>>,
    differs: bool,
}

impl Demand {
    /// Takes what the extensions say; they win over what operations ask for.
    pub(super) fn take_stated(&mut self, root: &mut Table, notes: &mut Notes) {
        let certificate = root.text("x-wso2-mutual-ssl", notes).map(|text| text.to_lowercase());
        let mut is_optional = false;
        if let Some(mut stated) = root.table("x-wso2-application-security", notes) {
            is_optional = stated.flag("optional", notes).unwrap_or(false);
            let at = stated.at.clone();
            for word in stated.texts(&["security-types"], notes).unwrap_or_default() {
                match words::security(&word) {
                    Some(word) if !self.words.contains(&word) => self.words.push(word),
                    Some(_) => {}
                    None => notes.add(&at, "a kind of credential that is not known is left out"),
                }
            }
            notes.rest(stated, &[], &[]);
            self.is_stated = !self.words.is_empty();
        }
        match certificate.as_deref() {
            None => {}
            Some("mandatory") => {
                if self.words.is_empty() {
                    self.words.push(SecurityName::Oauth2);
                }
                self.words.push(SecurityName::MutualTlsMandatory);
                if !is_optional {
                    self.words.push(SecurityName::Oauth2BasicApiKeyMandatory);
                }
                self.is_stated = true;
            }
            Some(_) => notes.add("/x-wso2-mutual-ssl", OPTIONAL),
        }
    }

    /// Adds what an operation asks for.
    pub(super) fn add(&mut self, asked: &Asked) {
        self.demands_both |= asked.demands_both;
        if asked.proofs.is_empty() {
            return;
        }
        self.proofs.extend(asked.proofs.iter().cloned());
        self.differs |= *self.first.get_or_insert_with(|| asked.proofs.clone()) != asked.proofs;
    }

    /// Takes what operations ask for, where no extension says what proves a caller.
    pub(super) fn include(&mut self, other: Self, notes: &mut Notes) {
        self.proofs = other.proofs;
        let fields = self.proofs.iter().filter(|proof| matches!(proof, Proof::ApiKey(_)));
        if fields.count() > 1 {
            notes.add(
                SCHEMES,
                "API keys stand in one field of a version: that of the first scheme by its name",
            );
        }
        if self.is_stated {
            return;
        }
        if other.differs {
            notes.add(
                "/paths",
                "operations ask for different credentials; here each of them takes any that one takes",
            );
        }
        let both = other.demands_both;
        if !both && self.proofs.len() > 1 && self.proofs.remove(&Proof::Certificate) {
            notes.add(SCHEMES, OPTIONAL);
        }
        for proof in &self.proofs {
            let word = if both && *proof == Proof::Certificate {
                SecurityName::MutualTlsMandatory
            } else {
                proof.word()
            };
            if !self.words.contains(&word) {
                self.words.push(word);
            }
        }
        if both {
            self.words.push(SecurityName::Oauth2BasicApiKeyMandatory);
        }
    }
}

/// Reads a scheme; one that no gateway can check is noted.
fn scheme(mut table: Table, scopes: &mut Scopes, notes: &mut Notes) -> Option<Proof> {
    let at = table.at.clone();
    let kind = table.text("type", notes).unwrap_or_default().to_lowercase();
    let named = table.text("name", notes);
    let place = table.text("in", notes).unwrap_or_default();
    let how = table.text("scheme", notes).unwrap_or_default().to_lowercase();
    let proof = match (kind.as_str(), how.as_str()) {
        ("oauth2" | "openidconnect", _) | ("http", "bearer") => Some(Proof::Token),
        ("basic", _) | ("http", "basic") => Some(Proof::Password),
        ("mutualtls", _) => Some(Proof::Certificate),
        ("apikey", _) if place == "header" || place == "query" => {
            // A token by another name: it stands where tokens stand.
            named.filter(|name| credential_field(name).is_ok()).map(|name| {
                match name.eq_ignore_ascii_case("authorization") {
                    true => Proof::Token,
                    false => Proof::ApiKey(name),
                }
            })
        }
        _ => None,
    };
    if proof.is_none() {
        notes.add(&at, "callers cannot be proven by this scheme here, and it is left out");
    }
    take_scopes(&mut table, scopes, notes);
    notes.rest(table, SCHEME, &[]);
    proof
}

/// Takes the scopes of a scheme: those of its flows, or, as Swagger 2.0 has it, its own; and the roles bound to them.
fn take_scopes(table: &mut Table, scopes: &mut Scopes, notes: &mut Notes) {
    let flows = table.table("flows", notes).map(Table::items).into_iter().flatten();
    let mut flows: Vec<_> = flows.filter_map(|(_, flow)| flow.table(notes)).collect();
    for flow in flows.iter_mut().chain([table]) {
        for (key, about) in flow.table("scopes", notes).into_iter().flat_map(Table::items) {
            scopes.add(&key, about.text(), Vec::new());
        }
        for (key, roles) in flow
            .table("x-scopes-bindings", notes)
            .into_iter()
            .flat_map(Table::items)
        {
            scopes.add(&key, None, texts(roles, notes));
        }
    }
    for flow in flows {
        notes.rest(flow, SCHEME, &[]);
    }
}

/// Takes the scopes that documents of WSO2 1.x and 2.x describe.
fn older_scopes(root: &mut Table, scopes: &mut Scopes, notes: &mut Notes) {
    let nested = root.table("x-wso2-security", notes).and_then(|mut security| {
        let inner = security.table("apim", notes);
        notes.rest(security, &[], &[]);
        inner
    });
    let mut lists = Vec::new();
    if let Some(mut inner) = nested {
        lists.extend(inner.take("x-wso2-scopes"));
        notes.rest(inner, &[], &[]);
    }
    lists.extend(root.take("x-wso2-scopes"));
    for item in lists.into_iter().flat_map(Item::elements) {
        let Some(mut scope) = item.table(notes) else { continue };
        let (key, name) = (scope.text("key", notes), scope.text("name", notes));
        let roles = scope.texts(&["roles", "bindings"], notes).unwrap_or_default();
        if let Some(key) = key.or_else(|| name.clone()) {
            scopes.add(&key, name, roles);
        }
        notes.rest(scope, SCOPE, &[]);
    }
}

const SCHEMES: &str = "/components/securitySchemes";

const OPTIONAL: &str = "the document holds no client certificates, so callers prove themselves by something else; \
    `client_certificates` and `mutual_tls` take some";

/// No document that people write asks for more.
const MOST: usize = 100;

const SCHEME: &[(&str, &str)] = &[
    ("description", "what people read about an API is not kept"),
    ("authorizationUrl", ISSUER),
    ("tokenUrl", ISSUER),
    ("refreshUrl", ISSUER),
    ("openIdConnectUrl", ISSUER),
    ("flow", ISSUER),
    ("bearerFormat", ISSUER),
];

const SCOPE: &[(&str, &str)] = &[("description", "a scope has a key, a name and roles, and no description")];

const ISSUER: &str = "tokens are those of the gateway and of the catalog's `[[key_managers]]`, wherever the document \
    would get them";
