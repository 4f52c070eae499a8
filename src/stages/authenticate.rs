//! Who calls: tries the credentials that the version takes, in W's order, and holds the resource's auth type against
//! what was proven (W 5.1, 5.3).
//!
//! | what | decides |
//! |---|---|
//! | a certificate that must be shown, and proves nothing | at once |
//! | one of token, password, API key, where one must be shown | the first that proves somebody; else the last flaw |
//! | where nothing must be, the certificate and then those three | the first that is shown |
//!
//! A token in the query (RFC 6750, 2.3) is not taken: queries end up in logs and histories.

use std::sync::Arc;

use http::HeaderMap;
use http::header::REFERER;

use super::Halt;
use super::pin_version::Pinned;
use super::recorder::{Credential, Fact, Outcome, Recorder};
use super::shown::{Shown, shown};
use crate::credential::caller::{Caller, Proof};
use crate::credential::{Credentials, Flaw, Judgement, Occasion};
use crate::denial::Denial;
use crate::head::Head;
use crate::model::auth::AuthType;
use crate::model::instant::UnixTime;
use crate::model::security::Security;
use crate::snapshot::{RouteId, Snapshot};

/// Finds out who calls; nobody, where the resource does not ask.
#[expect(clippy::too_many_arguments, reason = "the stage's inputs, and who is told of it")]
pub(super) fn authenticate(
    head: &Head<'_>,
    pinned: &Pinned<'_>,
    route: RouteId,
    snapshot: &Snapshot,
    (credentials, now): (&Credentials, UnixTime),
    told: &mut impl Recorder,
) -> Result<Option<Arc<Caller>>, Halt> {
    let auth = snapshot.route(route).auth;
    if auth == AuthType::None {
        told.learn(|| Fact::Open);
        return Ok(None);
    }
    let version = snapshot.version(pinned.version);
    let judge = Judge {
        head,
        security: &version.security,
        credentials,
        on: Occasion {
            version,
            managers: snapshot.key_managers().of_tenant(&version.tenant),
            edition: (snapshot.revision(), pinned.version.index()),
            claims: snapshot.tiers().claims(),
            certificate: head.certificate,
            client: head.client,
            referer: referer(head.headers),
            now,
        },
    };
    let caller = judge.caller(told).map_err(|doubt| match doubt {
        Doubt::Fetch(fetch) => Halt::Fetch(fetch),
        Doubt::Missing => Denial::MissingCredentials.of(pinned.version).into(),
        Doubt::Flawed(Flaw::Restricted) => Denial::RestrictedKey.of(pinned.version).by(Flaw::Restricted).into(),
        Doubt::Flawed(flaw) => Denial::InvalidCredentials.of(pinned.version).by(flaw).into(),
    })?;
    told.learn(|| Fact::Caller(Arc::clone(&caller)));
    if is_of_kind(&caller, auth) {
        Ok(Some(caller))
    } else {
        Err(Denial::WrongTokenType.of(pinned.version).whose(Some(&caller)).into())
    }
}

/// Tells whether a caller is of the kind that a resource demands. An API key is taken for either (W 8).
fn is_of_kind(caller: &Caller, auth: AuthType) -> bool {
    let is_user = caller.user.is_some();
    match (caller.by, auth) {
        (_, AuthType::Any | AuthType::None) | (Proof::ApiKey, _) => true,
        (_, AuthType::Application) => !is_user,
        (_, AuthType::ApplicationUser) => is_user,
    }
}

/// Everything that credentials of one request are judged with.
struct Judge<'a> {
    head: &'a Head<'a>,
    security: &'a Security,
    credentials: &'a Credentials,
    on: Occasion<'a>,
}

/// Why nobody is known to call.
enum Doubt {
    Fetch(crate::credential::Fetch),
    Flawed(Flaw),
    Missing,
}

type Judged = Result<Arc<Caller>, Doubt>;

impl Judge<'_> {
    fn caller(&self, told: &mut impl Recorder) -> Judged {
        let accepts = self.security.accepts;
        let takes_application = accepts.takes_application();
        let is_certificate_mandatory =
            accepts.mutual_tls && (self.security.certificate_mandatory || !takes_application);
        let is_application_mandatory =
            takes_application && (self.security.application_mandatory || !accepts.mutual_tls);
        let by_certificate = self.by_certificate(told);
        if is_certificate_mandatory {
            let caller = by_certificate?;
            // What must be shown beside it says who calls: it is the last word.
            return if is_application_mandatory {
                self.by_application(told)
            } else {
                Ok(caller)
            };
        }
        match by_certificate {
            Err(Doubt::Missing) => self.by_application(told),
            _ if is_application_mandatory => self.by_application(told),
            judged => judged,
        }
    }

    fn by_certificate(&self, told: &mut impl Recorder) -> Judged {
        let shown = self.head.certificate.filter(|_| self.security.accepts.mutual_tls);
        let judged: Judged = self
            .credentials
            .certificate(shown.ok_or(Doubt::Missing)?, &self.on)
            .into();
        told.learn(|| Fact::Shown(Credential::Certificate, outcome(&judged)));
        judged
    }

    /// Tries token, password and API key, in this order; the first that proves somebody is enough.
    fn by_application(&self, told: &mut impl Recorder) -> Judged {
        let mut doubt = Doubt::Missing;
        for shown in shown(self.head, self.security) {
            let judged = self.judge(&shown);
            told.learn(|| Fact::Shown(kind(&shown), outcome(&judged)));
            match judged {
                Err(Doubt::Missing) => {}
                Err(Doubt::Flawed(flaw)) => doubt = Doubt::Flawed(flaw),
                decided => return decided,
            }
        }
        Err(doubt)
    }

    fn judge(&self, shown: &Result<Shown<'_>, Flaw>) -> Judged {
        match shown {
            Ok(Shown::ApiKey(key)) => self.credentials.api_key(key, &self.on).into(),
            Ok(Shown::Basic(encoded)) => self.credentials.basic(encoded, &self.on).into(),
            Ok(Shown::Bearer(token)) => self.credentials.bearer(token, &self.on).into(),
            Err(flaw) => Err(Doubt::Flawed(*flaw)),
        }
    }
}

impl From<Judgement> for Judged {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Proven(caller) => Ok(caller),
            Judgement::Unproven(flaw) => Err(Doubt::Flawed(flaw)),
            Judgement::Unknown(fetch) => Err(Doubt::Fetch(fetch)),
        }
    }
}

fn kind(shown: &Result<Shown<'_>, Flaw>) -> Credential {
    match shown {
        Ok(Shown::ApiKey(_)) => Credential::ApiKey,
        Ok(Shown::Basic(_)) => Credential::Basic,
        Ok(Shown::Bearer(_)) => Credential::Bearer,
        Err(_) => Credential::Unreadable,
    }
}

fn outcome(judged: &Judged) -> Outcome {
    match judged {
        Ok(_) => Outcome::Proven,
        Err(Doubt::Flawed(flaw)) => Outcome::Unproven(*flaw),
        Err(Doubt::Fetch(_) | Doubt::Missing) => Outcome::Unknown,
    }
}

fn referer(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(REFERER).iter();
    let only = fields.next().filter(|_| fields.next().is_none())?;
    only.to_str().ok()
}
