//! The authorization endpoint and its two forms: somebody signs in, agrees, and is sent back.
//!
//! The request travels in the URL of each form and is read again each time. A form bears a mark of the browser and of
//! the very request that it was shown for, so that no other page can send it in somebody's name.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};

use super::answer;
use super::cookie;
use super::intake::Intake;
use super::page::{self, Consent, Login, Refused, STYLE, Sending, Wanted};
use crate::oauth::authorize::{self, AuthorizationRequest, Progress, Refusal, Step};
use crate::oauth::error::{ErrorCode, OauthError};
use crate::oauth::session::Marked;
use crate::oauth::{Authority, granting, random, sign_in as password};

/// A browser in the middle of a request.
struct Visit<'a> {
    authority: &'a Authority,
    request: AuthorizationRequest,
    intake: Intake,
    /// What its cookie says.
    browser: Option<String>,
}

/// Answers `/oauth2/authorize`: with parameters in the URL, or in a form (OpenID Connect Core, 3.1.2.1).
pub(super) async fn authorize(State(authority): State<Arc<Authority>>, request: Request) -> Response {
    let is_form = request.method() == Method::POST;
    let visit = match enter(&authority, request, is_form).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    visit.go_on(visit.browser.clone(), Progress::None).await
}

/// Answers the form of the login page.
pub(super) async fn login(State(authority): State<Arc<Authority>>, request: Request) -> Response {
    let visit = match enter_form(&authority, request).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    if !visit.is_marked("login", &visit.request.query) {
        return visit.ask_again(StatusCode::BAD_REQUEST, TOO_OLD, None);
    }
    let form = &visit.intake.form;
    let (Some(username), Some(secret)) = (form.find("username"), form.find("password")) else {
        return visit.ask_again(
            StatusCode::BAD_REQUEST,
            "Please enter your username and your password.",
            None,
        );
    };
    let tenant = visit.request.client.application.tenant();
    let peer = &visit.intake.peer;
    let signed_in = match password::sign_in_at("sign-in page", &authority, (username, secret), tenant, peer).await {
        Ok(signed_in) => signed_in,
        Err(error) => return visit.explain(&error),
    };
    let lifetime = authority.settings.lifetimes.session;
    match authority.sessions.begin(signed_in, authority.now(), lifetime) {
        Ok(session) => {
            // What the browser was known by before is worth nothing any more.
            authority.sessions.end(visit.browser.as_deref().unwrap_or_default());
            visit.go_on(Some(session), Progress::SignedIn).await
        }
        Err(error) => visit.explain(&error),
    }
}

/// Answers the form of the consent page.
pub(super) async fn consent(State(authority): State<Arc<Authority>>, request: Request) -> Response {
    let visit = match enter_form(&authority, request).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let name = visit.browser.clone().unwrap_or_default();
    let Some(session) = authority.sessions.find(&name, authority.now()) else {
        return visit.ask_again(StatusCode::BAD_REQUEST, TOO_OLD, None);
    };
    let scopes = match authorize::scopes(&authority, &visit.request, &session) {
        Ok(scopes) => scopes,
        Err(error) => return visit.explain(&error),
    };
    // The mark is also of the scopes that were shown: nobody agrees to what was added since.
    if !visit.is_marked("consent", &visit.of_scopes(&scopes)) {
        return visit.go_on(Some(name), Progress::SignedIn).await;
    }
    match visit.intake.form.find("decision") {
        Some("allow") => {
            authority
                .sessions
                .agree(&name, &visit.request.client.consumer_key, &scopes);
            visit.go_on(Some(name), Progress::Agreed).await
        }
        _ => page::lead(&authorize::deny(&authority, &visit.request), None),
    }
}

async fn enter_form(authority: &Authority, request: Request) -> Result<Visit<'_>, Response> {
    // A browser says when another site makes it send a form, whatever that form bears.
    let from = request
        .headers()
        .get("sec-fetch-site")
        .and_then(|from| from.to_str().ok());
    if matches!(from, Some("cross-site" | "same-site")) {
        return Err(refused(StatusCode::FORBIDDEN, "This form was sent by another site."));
    }
    let intake = Intake::read(request).await.map_err(|error| unreadable(&error))?;
    let asked = AuthorizationRequest::read(authority, &intake.query);
    Visit::begin(authority, asked, intake).map_err(|response| *response)
}

async fn enter(authority: &Authority, request: Request, is_form: bool) -> Result<Visit<'_>, Response> {
    let intake = if is_form {
        Intake::read(request).await
    } else {
        Intake::read_head(request)
    };
    let intake = intake.map_err(|error| unreadable(&error))?;
    let asked = AuthorizationRequest::read(authority, if is_form { &intake.form } else { &intake.query });
    Visit::begin(authority, asked, intake).map_err(|response| *response)
}

impl<'a> Visit<'a> {
    fn begin(
        authority: &'a Authority,
        asked: Result<AuthorizationRequest, Refusal>,
        intake: Intake,
    ) -> Result<Self, Box<Response>> {
        match asked {
            Ok(request) => Ok(Self {
                authority,
                request,
                browser: browser(&intake.headers, &intake),
                intake,
            }),
            Err(Refusal::Page(message)) => Err(Box::new(refused(StatusCode::BAD_REQUEST, message))),
            Err(Refusal::Return(to)) => Err(Box::new(page::lead(&to, None))),
        }
    }

    /// Goes on with whoever the browser is signed in as.
    async fn go_on(&self, browser: Option<String>, progress: Progress) -> Response {
        let name = browser.as_deref().unwrap_or_default();
        let session = self.authority.sessions.find(name, self.authority.now());
        let step = authorize::decide(self.authority, &self.request, session.as_ref(), progress).await;
        // A session that has just begun has a name that the browser does not know.
        let cookie = || (progress == Progress::SignedIn).then(|| cookie::write(name, &self.intake.peer));
        match (step, session) {
            (Ok(Step::Consent(scopes)), Some(session)) => {
                let user = session.user.to_string();
                self.ask_consent(name, &user, &scopes, cookie())
            }
            (Ok(Step::Return(to)), _) => page::lead(&to, cookie()),
            (Ok(Step::SignIn | Step::Consent(_)), _) => self.ask(StatusCode::OK, None, None),
            (Err(error), _) => self.explain(&error),
        }
    }

    /// Says what went wrong where the user can do something about it.
    fn explain(&self, error: &OauthError) -> Response {
        if error.code != ErrorCode::InvalidGrant {
            let message = "The server cannot answer right now. Please try again later.";
            return self.ask_again(answer::status(error), message, error.retry_after);
        }
        match error.retry_after {
            Some(_) => self.ask_again(
                StatusCode::TOO_MANY_REQUESTS,
                "There were too many attempts. Please wait a moment and try again.",
                error.retry_after,
            ),
            None => self.ask_again(StatusCode::FORBIDDEN, "The username or the password is wrong.", None),
        }
    }

    fn ask_again(&self, status: StatusCode, message: &str, retry_after: Option<u64>) -> Response {
        self.ask(status, Some(message), retry_after)
    }

    fn ask(&self, status: StatusCode, message: Option<&str>, retry_after: Option<u64>) -> Response {
        let browser = match self.browser.clone().map_or_else(random::token, Ok) {
            Ok(browser) => browser,
            Err(error) => return refused(answer::status(&error), "The server cannot answer right now."),
        };
        let query = &self.request.query;
        let shown = Marked {
            browser: &browser,
            purpose: "login",
            request: query,
        };
        let mark = self.authority.sessions.mark(&shown, self.authority.now());
        let typed = self.intake.form.find("username").or(self.request.login_hint.as_deref());
        let login = Login {
            style: STYLE,
            application: &self.request.client.application.name,
            query,
            mark: &mark,
            username: typed.unwrap_or_default(),
            message,
        };
        let sending = Sending {
            status,
            cookie: Some(cookie::write(&browser, &self.intake.peer)),
            leads_to: self.request.back.source(),
            retry_after,
        };
        page::send(&login, &sending)
    }

    fn ask_consent(&self, browser: &str, user: &str, scopes: &[String], cookie: Option<String>) -> Response {
        let asked = self.of_scopes(scopes);
        let shown = Marked {
            browser,
            purpose: "consent",
            request: &asked,
        };
        let mark = self.authority.sessions.mark(&shown, self.authority.now());
        let consent = Consent {
            style: STYLE,
            application: &self.request.client.application.name,
            user,
            scopes: &self.wanted(scopes),
            query: &self.request.query,
            query_of_another: &self.request.query_of_another,
            mark: &mark,
        };
        let sending = Sending {
            cookie,
            leads_to: self.request.back.source(),
            ..Sending::default()
        };
        page::send(&consent, &sending)
    }

    /// Names scopes as people do, where the catalog has a name for them.
    fn wanted(&self, scopes: &[String]) -> Vec<Wanted> {
        let catalog = self.authority.catalog();
        let name = |key: &String| match key.as_str() {
            granting::OPENID => "Know who you are".to_owned(),
            granting::DEFAULT => "Call services for you".to_owned(),
            key => {
                let known = catalog.scopes().iter().find(|scope| scope.key.as_str() == key);
                known.map_or_else(|| key.to_owned(), |scope| scope.name.clone())
            }
        };
        let wanted = |key: &String| Wanted {
            name: name(key),
            key: key.clone(),
        };
        scopes.iter().map(wanted).collect()
    }

    fn is_marked(&self, purpose: &str, asked: &str) -> bool {
        let shown = Marked {
            browser: self.browser.as_deref().unwrap_or_default(),
            purpose,
            request: asked,
        };
        let mark = self.intake.form.find("mark").unwrap_or_default();
        let now = self.authority.now();
        !shown.browser.is_empty() && self.authority.sessions.is_marked(mark, &shown, now)
    }

    fn of_scopes(&self, scopes: &[String]) -> String {
        format!("{} {}", self.request.query, scopes.join(" "))
    }
}

fn browser(headers: &HeaderMap, intake: &Intake) -> Option<String> {
    cookie::find(headers, &intake.peer).map(str::to_owned)
}

/// Parameters that cannot be read do not tell where an answer may go.
fn unreadable(error: &OauthError) -> Response {
    let status = answer::status(error);
    refused(
        status,
        "The application that sent you here made a request that makes no sense.",
    )
}

fn refused(status: StatusCode, message: &str) -> Response {
    let page = Refused { style: STYLE, message };
    let sending = Sending {
        status,
        ..Sending::default()
    };
    page::send(&page, &sending)
}

const TOO_OLD: &str = "This page was open for too long, or your browser keeps no cookies. Please sign in again.";
