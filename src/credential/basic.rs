//! Judges a name and a password (RFC 7617).
//!
//! Checking a password takes tens of milliseconds on purpose, so it is waited for, a few at a time, and what came of
//! it is remembered for a short while: under a key that only this process knows, for the address that showed it, and only
//! while the view's user is the same. Whoever guesses is slowed (`tries.rs`), and one address has but a share of the
//! places in which passwords are checked.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_cache::sync::Cache;
use tracing::warn;

use super::caller::{Caller, Proof};
use super::flights::{Boarding, Flights};
use super::occasion::Occasion;
use super::secret::Secret;
use super::shares::Shares;
use super::statement::is_same;
use super::tries::{Tries, Try, network};
use super::{Credentials, Fetch, Flaw, Judgement};
use crate::model::instant::UnixTime;
use crate::model::name::TenantName;
use crate::registry::key_pair::KeyType;
use crate::registry::token::Digest;
use crate::registry::user::{User, UserName};
use crate::registry::view::View;

/// What is known of passwords that were shown.
#[derive(Debug)]
pub(super) struct Passwords {
    key: hmac::Key,
    right: Cache<Digest, Right>,
    wrong: Cache<Digest, Wrong>,
    tries: Tries,
    shares: Shares,
    flights: Flights,
}

#[derive(Clone, Debug)]
struct Right {
    user: Arc<User>,
    caller: Arc<Caller>,
    until: UnixTime,
}

/// What was wrong with a password, while the user is the same: the next one, or the next password, is another matter.
#[derive(Clone, Debug)]
struct Wrong {
    user: Option<Arc<User>>,
    flaw: Flaw,
    until: UnixTime,
}

/// A password that is to be checked.
#[derive(Clone, Debug)]
pub struct Claim {
    user: UserName,
    password: Secret,
    digest: Digest,
    network: IpAddr,
}

impl Credentials {
    /// Judges what follows `Basic` in a field.
    pub fn basic(&self, encoded: &str, on: &Occasion<'_>) -> Judgement {
        match self.claim(encoded, on) {
            Ok(claim) => self.judge_password(claim, on),
            Err(flaw) => Judgement::Unproven(flaw),
        }
    }

    fn claim(&self, encoded: &str, on: &Occasion<'_>) -> Result<Claim, Flaw> {
        if encoded.len() > LONGEST {
            return Err(Flaw::Malformed);
        }
        let decoded = STANDARD.decode(encoded).map_err(|_| Flaw::Malformed)?;
        let text = std::str::from_utf8(&decoded).map_err(|_| Flaw::Malformed)?;
        let (name, password) = text.split_once(':').ok_or(Flaw::Malformed)?;
        if name.is_empty() || text.contains(char::is_control) {
            return Err(Flaw::Malformed);
        }
        let tenant = TenantName::parse(&on.version.tenant).map_err(|_| Flaw::Malformed)?;
        // A user of another tenant has roles of another tenant, which say nothing here.
        let name = name
            .strip_suffix(tenant.as_str())
            .and_then(|name| name.strip_suffix('@'))
            .unwrap_or(name);
        let user = UserName {
            tenant,
            name: name.to_owned(),
        };
        let network = network(on.client);
        Ok(Claim {
            digest: self.passwords.digest((&user, network), password),
            password: Secret::new(password),
            user,
            network,
        })
    }

    fn judge_password(&self, claim: Claim, on: &Occasion<'_>) -> Judgement {
        let passwords = &self.passwords;
        let user = self.view.user(&claim.user);
        if let Some(right) = passwords.right.get(&claim.digest).filter(|right| on.now < right.until)
            && user.as_ref().is_some_and(|user| Arc::ptr_eq(user, &right.user))
            && !passwords.tries.is_besieged(claim.tried(), on.now)
        {
            return Judgement::Proven(right.caller);
        }
        if let Some(wrong) = passwords.wrong.get(&claim.digest).filter(|wrong| on.now < wrong.until)
            && is_same(user.as_ref(), wrong.user.as_ref())
        {
            return Judgement::Unproven(wrong.flaw);
        }
        if self.registry.is_none() || !passwords.tries.may(claim.tried(), on.now) {
            return Judgement::Unproven(Flaw::Slowed);
        }
        Judgement::Unknown(Fetch::Password(claim))
    }

    /// Checks a password, unless somebody does.
    pub(super) async fn check_password(&self, claim: &Claim, now: UnixTime) {
        let (Some(registry), passwords) = (&self.registry, &self.passwords) else {
            return;
        };
        let share = passwords.shares.take(claim.network, claim.digest);
        let Some(share) = share else {
            let user = self.view.user(&claim.user);
            return passwords.refuse(claim, user, Flaw::Slowed, now.plus(UNREACHABLE_FOR));
        };
        let flight = match passwords.flights.board(claim.digest).await {
            Boarding::Flight(flight) => flight,
            Boarding::Landed => return,
            Boarding::Full => {
                let user = self.view.user(&claim.user);
                return passwords.refuse(claim, user, Flaw::Unreachable, now.plus(UNREACHABLE_FOR));
            }
        };
        let before = self.view.user(&claim.user);
        // Counted before it is known, so that many at once are not more than as many one by one.
        if !passwords.tries.count(claim.tried(), now) {
            return passwords.refuse(claim, before, Flaw::Slowed, now.plus(UNREACHABLE_FOR));
        }
        let (registry, passwords, claim) = (Arc::clone(registry), Arc::clone(passwords), claim.clone());
        // A task of its own: a caller that hangs up does not free the place while the check goes on.
        let check = tokio::spawn(async move {
            match (registry.is_password(&claim.user, claim.password.expose()).await, before) {
                (Ok(true), Some(user)) => passwords.accept(&claim, user, now),
                (Ok(_), before) => passwords.refuse(&claim, before, Flaw::Signature, now.plus(WRONG_FOR)),
                (Err(error), before) => {
                    warn!(%error, "a password cannot be checked");
                    passwords.refuse(&claim, before, Flaw::Unreachable, now.plus(UNREACHABLE_FOR));
                }
            }
            drop((flight, share));
        });
        // Where it panicked nothing was accepted.
        let _ = check.await;
    }
}

impl Claim {
    fn tried(&self) -> Try<'_> {
        Try {
            user: &self.user,
            network: self.network,
        }
    }
}

impl Passwords {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        // Without randomness nothing is remembered under a key that could be guessed: there is none to fall back to.
        let is_random = aws_lc_rs::rand::fill(&mut key).is_ok();
        let capacity = if is_random { REMEMBERED } else { 0 };
        let places = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            right: Cache::new(capacity),
            wrong: Cache::new(REMEMBERED),
            tries: Tries::new(),
            shares: Shares::new(SHARE),
            flights: Flights::new(places, MOST_WAITING),
        }
    }

    fn digest(&self, (user, network): (&UserName, IpAddr), password: &str) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        let address = match network {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        context.update(&address.octets());
        for part in [user.tenant.as_str(), user.name.as_str(), password] {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        Digest(digest)
    }

    /// Knows a password of a user of a view that was staged, for good.
    pub(super) fn know(&self, view: &View, (user, password, client): (UserName, &str, IpAddr)) {
        let Some(known) = view.user(&user) else { return };
        let network = network(client);
        let claim = Claim {
            digest: self.digest((&user, network), password),
            password: Secret::new(password),
            user,
            network,
        };
        self.believe(&claim, known, UnixTime(u64::MAX));
    }

    fn accept(&self, claim: &Claim, user: Arc<User>, now: UnixTime) {
        self.tries.forgive(claim.tried(), now);
        self.believe(claim, user, now.plus(RIGHT_FOR));
    }

    /// Remembers that it is the user's password.
    fn believe(&self, claim: &Claim, user: Arc<User>, until: UnixTime) {
        let caller = Arc::new(Caller {
            by: Proof::Basic,
            application: None,
            key_type: KeyType::Production,
            client: String::new(),
            user: Some(claim.user.clone()),
            subject: format!("{}@{}", claim.user.name, claim.user.tenant),
            scopes: Vec::new(),
            roles: Vec::new(),
            claims: Default::default(),
            expires: None,
            digest: claim.digest,
        });
        self.right.insert(claim.digest, Right { user, caller, until });
    }

    /// Remembers what was wrong, by the user as they were before it was looked at.
    fn refuse(&self, claim: &Claim, user: Option<Arc<User>>, flaw: Flaw, until: UnixTime) {
        self.wrong.insert(claim.digest, Wrong { user, flaw, until });
    }
}

const LONGEST: usize = 1024;
const REMEMBERED: usize = 10_000;
const MOST_WAITING: usize = 256;
/// So many different passwords are checked, or wait for that, for one address.
const SHARE: usize = 16;
/// Seconds for which a right password is believed.
const RIGHT_FOR: u64 = 300;
const WRONG_FOR: u64 = 10;
const UNREACHABLE_FOR: u64 = 2;
