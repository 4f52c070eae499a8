//! Who is signed in at which browser, and what they agreed to.
//!
//! A session is known by the digest of a random name, ends by itself, and is this process's memory: after a restart
//! people sign in again. When there is no room, the user's own that ends first goes, or else that of anybody: who signs
//! in again and again signs nobody else out.

use std::collections::HashMap;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

use super::error::OauthError;
use super::random;
use super::sign_in::SignedIn;
use crate::model::instant::UnixTime;
use crate::registry::token::Digest;
use crate::registry::user::{User, UserName};

/// Who is signed in.
pub struct Sessions {
    room: usize,
    /// Makes the marks of forms; of this process alone. Where the system gives none, every form is refused.
    key: Option<hmac::Key>,
    held: Mutex<HashMap<Digest, Session>>,
}

/// Somebody's being signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who it is.
    pub user: UserName,
    /// When the password was shown.
    pub authenticated: UnixTime,
    /// When that password was set.
    password_set: UnixTime,
    expires: UnixTime,
    /// After so many seconds without use it ends, too.
    idle: u64,
    used: UnixTime,
    /// The scopes that were agreed to, for each client.
    agreed: HashMap<String, Vec<String>>,
}

impl Session {
    fn lasts(&self, now: UnixTime) -> bool {
        now < self.expires && now < self.used.plus(self.idle)
    }

    /// Tells whether the user is still who signed in, with the same password.
    pub fn is_of(&self, user: &User) -> bool {
        user.created <= self.authenticated && user.password_set == self.password_set
    }

    /// Tells whether the user has agreed to all these scopes for a client.
    pub fn has_agreed(&self, consumer_key: &str, scopes: &[String]) -> bool {
        let agreed = self.agreed.get(consumer_key);
        agreed.is_some_and(|agreed| scopes.iter().all(|scope| agreed.contains(scope)))
    }
}

impl Sessions {
    /// Begins with room for so many sessions.
    pub fn with_room(room: usize) -> Self {
        Self {
            room,
            key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok(),
            held: Mutex::default(),
        }
    }

    /// Finds a session by its name.
    pub fn find(&self, name: &str, now: UnixTime) -> Option<Session> {
        let held = self.held.lock();
        held.get(&Digest::of(name))
            .filter(|session| session.lasts(now))
            .cloned()
    }

    /// Begins a session and returns its name, always another one than the browser had before.
    ///
    /// # Errors
    ///
    /// Returns `server_error` when there is no randomness.
    pub fn begin(&self, signed_in: SignedIn, now: UnixTime, lifetime: u64) -> Result<String, OauthError> {
        self.begin_idling(signed_in, now, (lifetime, lifetime))
    }

    /// As [`Self::begin`], of a session that also ends so many seconds after its last use.
    ///
    /// # Errors
    ///
    /// Returns `server_error` when there is no randomness.
    pub fn begin_idling(
        &self,
        signed_in: SignedIn,
        now: UnixTime,
        (lifetime, idle): (u64, u64),
    ) -> Result<String, OauthError> {
        let name = random::token()?;
        let session = Session {
            user: signed_in.user,
            authenticated: now,
            password_set: signed_in.password_set,
            expires: now.plus(lifetime),
            idle,
            used: now,
            agreed: HashMap::new(),
        };
        let mut held = self.held.lock();
        if held.len() >= self.room {
            held.retain(|_, session| session.lasts(now));
        }
        if held.len() >= self.room
            && let Some(first) = held
                .iter()
                .min_by_key(|(_, held)| (held.user != session.user, held.expires))
                .map(|(name, _)| *name)
        {
            held.remove(&first);
        }
        held.insert(Digest::of(&name), session);
        Ok(name)
    }

    /// Notes that a session is used.
    pub fn touch(&self, name: &str, now: UnixTime) {
        if let Some(session) = self.held.lock().get_mut(&Digest::of(name)) {
            session.used = session.used.max(now);
        }
    }

    /// Returns the token that a session's own pages know, and other sites do not; none where the system gives no
    /// randomness.
    pub fn token_of(&self, name: &str) -> Option<String> {
        let tag = hmac::sign(self.key.as_ref()?, of_token(name).as_bytes());
        Some(URL_SAFE_NO_PAD.encode(tag))
    }

    /// Tells whether it is the token of a session, in a time that does not tell how much of it is right.
    pub fn is_token_of(&self, name: &str, shown: &str) -> bool {
        let (Some(key), Ok(tag)) = (&self.key, URL_SAFE_NO_PAD.decode(shown)) else {
            return false;
        };
        hmac::verify(key, of_token(name).as_bytes(), &tag).is_ok()
    }

    /// Ends a session.
    pub fn end(&self, name: &str) {
        self.held.lock().remove(&Digest::of(name));
    }

    /// Remembers what a user agreed to, as long as the session lasts.
    pub fn agree(&self, name: &str, consumer_key: &str, scopes: &[String]) {
        if let Some(session) = self.held.lock().get_mut(&Digest::of(name)) {
            session.agreed.insert(consumer_key.to_owned(), scopes.to_vec());
        }
    }

    /// Marks a form that is shown.
    pub fn mark(&self, form: &Marked<'_>, now: UnixTime) -> String {
        let tag = self.key.as_ref().map(|key| hmac::sign(key, form.at(now.0).as_bytes()));
        tag.map(|tag| format!("{}.{}", now.0, URL_SAFE_NO_PAD.encode(tag)))
            .unwrap_or_default()
    }

    /// Tells whether a form bears the mark that it was shown with, not long ago.
    pub fn is_marked(&self, mark: &str, form: &Marked<'_>, now: UnixTime) -> bool {
        let Some((time, tag)) = mark.split_once('.') else {
            return false;
        };
        let (Ok(time), Ok(tag)) = (time.parse::<u64>(), URL_SAFE_NO_PAD.decode(tag)) else {
            return false;
        };
        let is_fresh = time <= now.0 && now.0 - time <= FORM_LIFETIME;
        let is_own = |key| hmac::verify(key, form.at(time).as_bytes(), &tag).is_ok();
        is_fresh && self.key.as_ref().is_some_and(is_own)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// What a form's mark is of.
#[derive(Clone, Copy, Debug)]
pub struct Marked<'a> {
    /// The browser that it is shown to, by what its cookie says.
    pub browser: &'a str,
    /// What it is for.
    pub purpose: &'a str,
    /// The request that it belongs to.
    pub request: &'a str,
}

impl Marked<'_> {
    /// Joins it so that no two different things are written alike.
    fn at(&self, time: u64) -> String {
        let Self {
            browser,
            purpose,
            request,
        } = self;
        format!("{}:{browser}|{purpose}|{time}|{request}", browser.len())
    }
}

/// What the token of a session is of; no mark of a form begins like this.
fn of_token(name: &str) -> String {
    format!("token of {name}")
}

/// For how many seconds a form that was shown can be sent.
const FORM_LIFETIME: u64 = 1_800;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::TenantName;

    fn user(name: &str) -> UserName {
        UserName {
            tenant: TenantName::root(),
            name: name.to_owned(),
        }
    }

    fn signed_in(name: &str) -> SignedIn {
        SignedIn {
            user: user(name),
            password_set: UnixTime(0),
        }
    }

    #[test]
    fn a_session_is_found_until_it_ends_or_is_ended() {
        let sessions = Sessions::with_room(10);
        let name = sessions.begin(signed_in("tom"), UnixTime(1), 10).unwrap();
        assert_eq!(sessions.find(&name, UnixTime(10)).unwrap().user, user("tom"));
        assert!(sessions.find(&name, UnixTime(11)).is_none() && sessions.find("x", UnixTime(1)).is_none());
        sessions.end(&name);
        assert!(sessions.find(&name, UnixTime(1)).is_none());
    }

    #[test]
    fn a_session_that_nobody_uses_ends_and_use_does_not_prolong_it_for_ever() {
        let sessions = Sessions::with_room(10);
        let name = sessions.begin_idling(signed_in("tom"), UnixTime(0), (100, 10)).unwrap();
        let is_found = |now| sessions.find(&name, UnixTime(now)).is_some();
        assert!(is_found(9) && !is_found(10));
        for now in (5..100).step_by(5) {
            sessions.touch(&name, UnixTime(now));
        }
        assert!(is_found(99) && !is_found(100));
    }

    #[test]
    fn the_token_of_a_session_is_that_of_no_other() {
        let (sessions, others) = (Sessions::with_room(10), Sessions::with_room(10));
        let token = sessions.token_of("a").unwrap();
        assert!(sessions.is_token_of("a", &token) && !sessions.is_token_of("b", &token));
        assert!(!others.is_token_of("a", &token) && !sessions.is_token_of("a", ""));
    }

    #[test]
    fn sessions_are_bounded_and_the_first_to_end_goes_first() {
        let sessions = Sessions::with_room(3);
        let names: Vec<_> = (0..5)
            .map(|time| sessions.begin(signed_in("tom"), UnixTime(time), 100).unwrap())
            .collect();
        let held: Vec<_> = names
            .iter()
            .map(|name| sessions.find(name, UnixTime(5)).is_some())
            .collect();
        assert_eq!(held, [false, false, true, true, true]);
    }

    #[test]
    fn who_signs_in_again_and_again_signs_nobody_else_out() {
        let sessions = Sessions::with_room(3);
        let anns = sessions.begin(signed_in("ann"), UnixTime(0), 100).unwrap();
        for time in 1..20 {
            sessions.begin(signed_in("tom"), UnixTime(time), 100).unwrap();
        }
        assert!(sessions.find(&anns, UnixTime(20)).is_some());
    }

    #[test]
    fn a_form_is_taken_from_the_browser_and_for_the_request_that_it_was_shown_for() {
        let sessions = Sessions::with_room(3);
        let form = |browser, purpose, request| Marked {
            browser,
            purpose,
            request,
        };
        let own = form("browser", "login", "a=1");
        let mark = sessions.mark(&own, UnixTime(100));
        let is_taken = |form: Marked<'_>, now| sessions.is_marked(&mark, &form, UnixTime(now));
        assert!(is_taken(own, 100) && is_taken(own, 1_900));
        assert!(!is_taken(own, 1_901) && !is_taken(own, 99));
        assert!(!is_taken(form("other", "login", "a=1"), 100));
        assert!(!is_taken(form("browser", "consent", "a=1"), 100));
        assert!(!is_taken(form("browser", "login", "a=2"), 100));
        let other = Sessions::with_room(3);
        assert!(!other.is_marked(&mark, &own, UnixTime(100)), "of another process");
        assert!(!sessions.is_marked("", &own, UnixTime(100)));
    }

    #[test]
    fn what_was_agreed_to_is_remembered_for_that_client() {
        let sessions = Sessions::with_room(3);
        let name = sessions.begin(signed_in("tom"), UnixTime(1), 10).unwrap();
        let scopes = ["a".to_owned(), "b".to_owned()];
        sessions.agree(&name, "client", &scopes);
        let session = sessions.find(&name, UnixTime(1)).unwrap();
        assert!(session.has_agreed("client", &scopes[..1]) && session.has_agreed("client", &scopes));
        assert!(!session.has_agreed("other", &scopes) && !session.has_agreed("client", &["c".to_owned()]));
    }
}
