//! `tollgate app`, as somebody types it in a shell beside a running gateway.

use clap::{Args as _, FromArgMatches as _};
use tollgate::command::consumer::app::{self, AppArgs};
use tollgate::command::exit::Exit;
use tollgate::command::output::{Output, Style};
use tollgate::settings::Environment;

use super::gateway::Gateway;

impl Gateway {
    /// Types `tollgate app` and these arguments; returns what it says, `Err` where it does not do it.
    pub(crate) fn types_app(&self, arguments: &[&str]) -> Result<String, String> {
        let conf = self.path("").display().to_string();
        let typed = [&["app", "--conf", &conf], arguments].concat();
        let matches = AppArgs::augment_args(clap::Command::new("app")).try_get_matches_from(typed);
        let args = AppArgs::from_arg_matches(&matches.map_err(|error| error.to_string())?).unwrap();
        // It blocks, and the gateway that it tells of the change runs here, too.
        tokio::task::block_in_place(|| std::thread::scope(|scope| scope.spawn(|| run(&args)).join().unwrap()))
    }
}

fn run(args: &AppArgs) -> Result<String, String> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = app::run(
        args,
        &Environment::default(),
        (
            &mut Output::new(&mut out, Style::Plain),
            &mut Output::new(&mut err, Style::Plain),
        ),
    );
    match exit.unwrap() {
        Exit::Done => Ok(String::from_utf8(out).unwrap()),
        Exit::Failed | Exit::Refused => Err(String::from_utf8(err).unwrap()),
    }
}
