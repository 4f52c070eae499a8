//! `--conf`, which most commands share.

use std::path::PathBuf;

use clap::Args;

use crate::model::source::References;
use crate::settings::Environment;

/// Where the configuration is.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfArgs {
    /// The configuration: a directory with `tollgate.toml` and `catalog/`, or a settings file [default: $TOLLGATE_CONF, else conf]
    #[arg(long, value_name = "PATH", global = true)]
    conf: Option<PathBuf>,
}

impl ConfArgs {
    /// Names a configuration, as `--conf` would.
    pub fn at(conf: impl Into<PathBuf>) -> Self {
        Self {
            conf: Some(conf.into()),
        }
    }

    /// Returns the configuration that was named, by argument or by variable, or the default one.
    pub fn path(&self, environment: &Environment) -> PathBuf {
        let named = || {
            environment
                .variable("TOLLGATE_CONF")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        };
        self.conf
            .clone()
            .or_else(named)
            .unwrap_or_else(|| PathBuf::from("conf"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_goes_before_a_variable_and_a_variable_before_the_default() {
        let set = Environment::from_pairs([("TOLLGATE_CONF", "/etc/tollgate")]);
        let empty = Environment::from_pairs([("TOLLGATE_CONF", "")]);
        let path = |args: &ConfArgs, environment| args.path(environment).display().to_string();
        assert_eq!(path(&ConfArgs::at("here"), &set), "here");
        assert_eq!(path(&ConfArgs::default(), &set), "/etc/tollgate");
        assert_eq!(path(&ConfArgs::default(), &empty), "conf");
    }
}
