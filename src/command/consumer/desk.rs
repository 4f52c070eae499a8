//! The registry, opened for one command, with what is needed to name things in it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use admin::control::Control;
use admin::control::change::Change;
use admin::registry::Registry;
use admin::registry::view::View;

use super::failure::Failure;
use crate::boot;
use crate::bridge::socket::{self, Answer, Command, SocketError};
use crate::command::conf::ConfArgs;
use crate::credential::now;
use crate::model::catalog::Catalog;
use crate::model::name::TenantName;
use crate::model::violation::Violation;
use crate::registry::application::Application;
use crate::registry::audit::{DONE, Record};
use crate::registry::user::{User, UserName};
use crate::settings::{Environment, Settings};

/// The registry, opened for one command.
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) registry: Arc<Registry>,
    environment: Environment,
}

impl Desk {
    pub(super) async fn open(conf: &ConfArgs, environment: &Environment) -> Result<Self, Failure> {
        let settings = Settings::load(&conf.path(environment), environment).map_err(Failure::Violations)?;
        let registry = boot::open_registry(&settings, environment, || read_catalog(&settings, environment)).await?;
        Ok(Self {
            settings,
            registry: Arc::new(registry),
            environment: environment.clone(),
        })
    }

    pub(super) fn view(&self) -> &Arc<View> {
        self.registry.view()
    }

    /// Reads the catalog as it is on disk, which is what a running gateway serves.
    pub(super) fn catalog(&self) -> Result<Catalog, Failure> {
        read_catalog(&self.settings, &self.environment).map_err(Failure::Violations)
    }

    /// Reads a user's name; what follows the last `@` is the tenant, where it is one.
    pub(super) fn user_name(&self, text: &str) -> UserName {
        let tenants = || {
            let stated = self.catalog().ok();
            let stated = stated
                .iter()
                .flat_map(|catalog| catalog.tenants())
                .map(|tenant| tenant.domain.clone());
            // A catalog that is broken keeps nobody from deleting a user.
            let seen = self.view().users(None).into_iter().map(|user| user.name.tenant.clone());
            stated.chain(seen).chain([TenantName::root()]).collect::<Vec<_>>()
        };
        let split = text.rsplit_once('@');
        let known = split.and_then(|(name, domain)| {
            let tenant = tenants().into_iter().find(|tenant| tenant.as_str() == domain)?;
            Some(UserName {
                tenant,
                name: name.to_owned(),
            })
        });
        known.unwrap_or_else(|| UserName {
            tenant: TenantName::root(),
            name: text.to_owned(),
        })
    }

    /// Finds a user, or says who there is.
    pub(super) fn user(&self, text: &str) -> Result<Arc<User>, Failure> {
        let name = self.user_name(text);
        self.view().user(&name).ok_or_else(|| {
            let known = self.view().users(None);
            Failure::unknown(
                "user",
                &name.to_string(),
                known.iter().map(|user| user.name.to_string()),
            )
        })
    }

    /// Finds an application by its name or its uuid; its owner tells apart what has the same name.
    pub(super) fn application(&self, name: &str, owner: Option<&str>) -> Result<Arc<Application>, Failure> {
        let owner = owner.map(|owner| self.user(owner)).transpose()?;
        let mut all = self.view().applications(None);
        all.retain(|application| owner.as_ref().is_none_or(|owner| application.owner == owner.name));
        let mut found = all.iter().filter(|one| one.name == name || one.uuid == name);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(Arc::clone(one)),
            (Some(one), Some(other)) => Err(
                Failure::refused(format!("more than one application is called `{name}`"))
                    .help(format!("say `--owner {}` or `--owner {}`", one.owner, other.owner)),
            ),
            (None, _) => Err(Failure::unknown("application", name, all.iter().map(|one| &one.name))),
        }
    }

    /// Keeps in the audit what was done to a thing of a tenant, and tells the running gateway.
    pub(super) async fn done(&self, action: &'static str, object: String, tenant: &TenantName) -> Result<(), Failure> {
        let record = Record {
            at: now(),
            actor: "shell".to_owned(),
            tenant: tenant.clone(),
            address: None,
            action: action.into(),
            object,
            before: None,
            after: None,
            revision: None,
            outcome: DONE.into(),
        };
        self.registry.audit(&record).await?;
        self.tell()
    }

    /// Tells the running gateway, where there is one, and waits until its next request knows.
    pub(super) fn tell(&self) -> Result<(), Failure> {
        match self
            .ask(Command::Follow)
            .map_err(|reason| untold(&reason.to_string()))?
        {
            None | Some(Answer::Followed { .. }) => Ok(()),
            Some(Answer::Failed { failed }) => Err(untold(&failed)),
            Some(other) => Err(untold(&format!("it answers {other:?}"))),
        }
    }

    /// Asks the running gateway; `None` where there is none. What its silence means is for whoever asks to say.
    pub(super) fn ask(&self, command: Command) -> Result<Option<Answer>, SocketError> {
        match socket::ask(&self.settings.data, command, PATIENCE) {
            Ok(answer) => Ok(Some(answer)),
            Err(SocketError::Unanswered { reason, .. }) if is_nobody(&reason) => Ok(None),
            Err(reason) => Err(reason),
        }
    }
}

fn read_catalog(settings: &Settings, environment: &Environment) -> Result<Catalog, Vec<Violation>> {
    let (publish, _) = boot::rehearse(settings);
    let control = Control::new(Box::new(environment.clone()), publish);
    control.check(Change::Reread(settings.catalog.clone()))
}

/// Tells whether nobody is there, as opposed to somebody who cannot be reached.
fn is_nobody(reason: &io::Error) -> bool {
    matches!(
        reason.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

fn untold(reason: &str) -> Failure {
    Failure::Broken(format!(
        "it is done, but the running gateway could not be told: {reason}; it looks for changes by itself every second"
    ))
}

/// How long a gateway may take to take in a change.
const PATIENCE: Duration = Duration::from_secs(15);
